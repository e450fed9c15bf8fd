"""What LRFinderTrainer does at the user's `model.fit`."""
