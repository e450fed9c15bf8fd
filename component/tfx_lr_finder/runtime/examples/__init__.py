"""Reading Examples artifacts."""
