"""Benchmarks of the learning-rate finder: the quality of what it suggests."""
