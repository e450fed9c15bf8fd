"""What previous runs found."""
