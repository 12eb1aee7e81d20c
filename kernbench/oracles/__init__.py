"""Oracles: the model against figures that others measured or proved, what `kernbench validate` runs."""
