"""kernbench: a discrete-event simulator of a multi-device AI accelerator that computes values and time."""

__version__ = "0.1.0"
