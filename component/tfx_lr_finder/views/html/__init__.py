"""The report page: one HTML file."""
