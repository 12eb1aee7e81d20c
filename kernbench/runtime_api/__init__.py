"""Host programs: ranks that suspend, tensors with real bytes, collectives that are kernels."""
