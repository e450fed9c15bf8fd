"""Palmer penguins: the smallest readable example."""
