"""The diagrams of a topology: one SVG for the system, one for a SIP, one for a cube."""

from kernbench.topology.compile import Topology
from kernbench.topology.cube_sheet import cube_sheet
from kernbench.topology.sip_sheet import sip_sheet
from kernbench.topology.system_sheet import system_sheet

SHEETS = {"system.svg": system_sheet, "sip.svg": sip_sheet, "cube.svg": cube_sheet}


def diagrams(topology: Topology) -> dict[str, bytes]:
    """The documents by file name; equal topologies give equal bytes."""
    return {name: draw(topology).svg() for name, draw in SHEETS.items()}
