"""The one seam between the model and its observers."""

import sys
from typing import Protocol

from kernbench.telemetry.sample import Sample


class Sink(Protocol):
    """An observer of one SIP. It is told and never asked; what it does reaches no result."""

    def take(self, sample: Sample, /) -> None:
        """Note a sample. A sink that raises is removed."""


class Probe:
    """Where the model tells what happens: `if probe.sinks: probe.emit(...)` costs some 20 ns while nobody listens."""

    __slots__ = ("sinks",)

    def __init__(self) -> None:
        self.sinks: list[Sink] = []

    def emit(self, sample: Sample) -> None:
        """Tell every sink; one that raises is removed and named on stderr: an observer cannot kill or change a run."""
        for sink in tuple(self.sinks):
            try:
                sink.take(sample)
            except Exception as error:
                self.sinks.remove(sink)
                sys.stderr.write(
                    f"kernbench: warning: {type(sink).__name__} is removed: {type(error).__name__}: {error}\n"
                )
