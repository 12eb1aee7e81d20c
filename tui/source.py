"""Where a monitor reads: the shape of a reader of runs, and what is known of a run that is over."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kernbench.telemetry.frame import Frame
from kernbench.telemetry.layout import Layout
from kernbench.telemetry.rows import LinkRow, PhaseRow, Utilisation


class Source(Protocol):
    """A run, live or recorded; `kernbench.telemetry.reader.RunReader` is the real one."""

    @property
    def directory(self) -> Path:
        """The run directory."""

    @property
    def layout(self) -> Layout:
        """What stands where."""

    @property
    def document(self) -> dict[str, Any] | None:
        """run.json, once there is one."""

    @property
    def live(self) -> bool:
        """Whether somebody still publishes."""

    @property
    def capturing(self) -> bool:
        """Whether every packet of a live run is kept now."""

    @property
    def killed(self) -> bool:
        """Whether the run died before it could end."""

    def poll(self) -> list[Frame]:
        """The newest frame of each worker."""

    def frames(self) -> Iterator[Frame]:
        """All recorded frames in the order of real time."""

    def phases(self) -> Sequence[PhaseRow]:
        """The phases that ended."""

    def links(self) -> Sequence[LinkRow]:
        """The books of all links, once the run is over."""

    def utilisation(self) -> Utilisation:
        """Busy time of every used link in buckets of simulated time."""


class Facts(msgspec.Struct, frozen=True):
    """What a run that is over left behind; immutable, so a thread may hand it to another."""

    document: dict[str, Any] | None = None
    killed: bool = False
    phases: tuple[PhaseRow, ...] = ()
    utilisation: Utilisation | None = None


NO_FACTS = Facts()
