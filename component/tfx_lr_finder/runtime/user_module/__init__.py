"""The model and the data of the user's code."""
