"""What runs in the pod: the only layer that imports TensorFlow."""
