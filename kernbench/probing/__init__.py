"""Predefined traffic on an idle or a loaded machine, and what explains its time: `kernbench probe`."""
