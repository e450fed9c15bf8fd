"""The range test itself: learning rates in, losses out. Standard library and numpy."""
