"""User modules that this project did not write for itself, through both components."""
