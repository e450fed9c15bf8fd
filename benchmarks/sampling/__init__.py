"""What a sample costs and how fair it is, against other ways to read large data."""
