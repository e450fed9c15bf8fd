"""The range test in pure Python and numpy: learning rates in, losses out."""
