"""A compiled topology as observers see it: the layout of every name that a picture of a run refers to by number."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from kernbench.di.device import SipDevice
from kernbench.telemetry.layout import SLICE, Layout, LinkPlace, UnitPlace
from kernbench.topology.compile import Topology

KIND_OF_KEY: Mapping[str, str] = {
    "sip.pcie": "pcie",
    "sip.ucie": "ucie",
    "sip.io.noc": "io",
    "fabric": "fabric",
    "sip.cube.xbar_to_hbm_bw_gbs": "hbm",
}
"""What a link belongs to by the section that its bandwidth comes from; those of a cube's network go by their ends."""

KIND_OF_UNIT: Mapping[str, str] = {"load": "dma_read", "store": "dma_write", "send": "dma_send", "recv": "ipcq"}
"""Kinds of engines by what they carry out, where the two words differ."""

_PE = re.compile(r"\.pe\d+\.")


@cache
def link_kind(key: str, name: str) -> str:
    """What a link inside a SIP belongs to; each SIP asks the same of the same names."""
    kind = KIND_OF_KEY.get(key)
    if kind is None:
        kind = "pe" if _PE.search(name) else "xbar" if ".xbar" in name else "noc"
    return kind


def layout_of(
    topology: Topology, device: SipDevice, bench: str, arguments: Mapping[str, Any], workers: Sequence[Sequence[int]]
) -> Layout:
    """The layout of a run. `device` is any SIP: all have the same engines and slices, published in this order."""
    mesh = topology.source.system.sip.cube_mesh
    own = f"{device.name}."
    engines = [(unit.name.removeprefix(own), unit.kind) for each in device.schedulers for unit in each.engines]
    slices = [
        (f"{each.name.removeprefix(own)}.slice{number}", SLICE)
        for each in device.controllers
        for number in range(each.config.slices)
    ]
    return Layout(
        bench=bench,
        arguments={name: str(value) for name, value in arguments.items()},
        sips=topology.sips,
        rows=mesh.rows,
        cols=mesh.columns,
        pes=len(device.pes) // max(1, len(device.memories)),
        links=tuple(link for sip in range(topology.sips) for link in _links(topology, sip)),
        units=tuple(
            UnitPlace(f"sip{sip}.{name}", KIND_OF_UNIT.get(kind, kind), sip)
            for sip in range(topology.sips)
            for name, kind in [*engines, *slices]
        ),
        workers=tuple(tuple(block) for block in workers),
    )


def _links(topology: Topology, sip: int) -> Iterable[LinkPlace]:
    """Links inside the SIP, then its transmitters into the fabric: the order in which a worker publishes them."""
    for link in topology.links(sip):
        yield LinkPlace(
            f"sip{sip}.{link.name}",
            link_kind(link.key, link.name),
            sip,
            f"sip{sip}.{link.src}",
            f"sip{sip}.{link.dst}",
            link.bw,
        )
    wires = {}
    for outer in topology.fabric:
        if outer.source == sip and outer.wire_name not in wires:
            target = "switch" if outer.dst == "switch" else f"sip{outer.destination}.{outer.dst}"
            wires[outer.wire_name] = LinkPlace(
                outer.wire_name, "fabric", sip, f"sip{sip}.{outer.src}", target, outer.bw
            )
    yield from wires.values()
