"""A uniform sample of the examples, drawn with Beam."""
