"""The command `lr-finder`: look at results, compare them, sweep without a pipeline."""
