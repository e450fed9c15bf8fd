"""Chicago taxi trips: the full chain, from a CSV file to a pushed model."""
