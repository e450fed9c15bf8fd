"""Keras trains a chunk of learning rates on the device."""
