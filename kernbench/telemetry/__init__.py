"""What observers see. Nothing here knows the model, and nothing in the model waits for an observer."""
