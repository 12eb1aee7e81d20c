"""Where islands live: in this process or in children; each transport runs the same window loop."""
