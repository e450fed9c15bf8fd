"""Resuming a range test after preemption."""
