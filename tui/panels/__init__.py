"""Panels: one file each, put into a screen by a line of its `compose`."""
