"""A sink that keeps every grant of every link, for the SIPs that are simulated in this process."""

from typing import ClassVar, NamedTuple, TypeAlias

from kernbench.common.units import Fs
from kernbench.telemetry.probe import Observed
from kernbench.telemetry.rows import PacketRow


class Grant(NamedTuple):
    """A packet of `size` bytes held a link from `start` to `end` (fs)."""

    start: Fs
    end: Fs
    size: int


Grants: TypeAlias = dict[str, list[Grant]]
"""The grants of each link, by its name, in order of time."""

SINK = "kernbench.probing.recorder:LinkRecorder"


class LinkRecorder:
    """One SIP's grants. The run that made it fetches all of them with `collect` when it has ended."""

    wants = ("packets",)
    _made: ClassVar[dict[int, "LinkRecorder"]] = {}

    def __init__(self, sip: int) -> None:
        self.grants: Grants = {}
        self._made[sip] = self

    def take(self, row: Observed, /) -> None:
        """Keep a grant."""
        if isinstance(row, PacketRow):
            self.grants.setdefault(row.link, []).append(Grant(row.start, row.end, row.size))

    @classmethod
    def collect(cls) -> Grants:
        """The grants of all SIPs since the last call; names of links are unique over SIPs."""
        found: Grants = {}
        for _, recorder in sorted(cls._made.items()):
            found.update(recorder.grants)
        cls._made.clear()
        return found
