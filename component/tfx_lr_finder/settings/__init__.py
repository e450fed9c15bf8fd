"""What a pipeline author may set, and every check of it. Light to import."""
