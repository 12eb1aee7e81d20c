"""The layout of a machine: every name that a picture of a run refers to by number."""

from typing import Annotated

import msgspec

from kernbench.common.units import BytesPerSecond

SCHEMA = "kernbench/layout/1"
SLICE = "hbm_slice"
"""The kind of a unit that is a slice of a cube's memory."""


class LinkPlace(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A directed link: full name (`sip0.cube00.r00->cube00.r10`), the parts at its ends, its bandwidth in bytes/s.

    `kind` is what it belongs to: `pcie`, `io`, `noc`, `ucie`, `xbar`, `hbm`, `pe` or `fabric`. `sip` is where it starts;
    `source` and `target` are full names too. A link between SIPs has its target in another one.
    """

    name: str
    kind: str
    sip: int
    source: str
    target: str
    bw: Annotated[BytesPerSecond, msgspec.Meta(ge=1)]


class UnitPlace(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An engine: full name (`sip0.cube00.pe0.gemm`) and kind (`gemm`, `math`, `dma_read`, `dma_write`, ...).

    A slice of a cube's memory is one too: `sip0.cube00.hbm.slice3`, of kind `SLICE`.
    """

    name: str
    kind: str
    sip: int


class Layout(msgspec.Struct, frozen=True, gc=False):
    """What stands where in one run; `layout.json` of its directory.

    `rows` x `cols` is the mesh of cubes of each SIP, numbered row by row (`cube05`); cube `c` of SIP `s` owns all parts
    whose names begin with `sip<s>.cube<cc>.`. `workers` lists the SIPs of each worker: worker `w` publishes, in this
    order, all links whose `sip` is one of `workers[w]`, in the order of `links`; so with its units.
    """

    bench: str
    arguments: dict[str, str]
    sips: int
    rows: int
    cols: int
    pes: int
    links: tuple[LinkPlace, ...]
    units: tuple[UnitPlace, ...]
    workers: tuple[tuple[int, ...], ...]
    schema: str = SCHEMA

    def links_of(self, worker: int) -> list[int]:
        """Numbers of the links that a worker publishes, in its order."""
        own = set(self.workers[worker])
        return [number for number, link in enumerate(self.links) if link.sip in own]

    def units_of(self, worker: int) -> list[int]:
        """Numbers of the engines that a worker publishes, in its order."""
        own = set(self.workers[worker])
        return [number for number, unit in enumerate(self.units) if unit.sip in own]
