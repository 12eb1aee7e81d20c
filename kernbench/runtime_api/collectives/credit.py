"""Whether the slots of a plan's queues cover the round trip of a slot credit; where not, a sender waits for credits."""

from collections.abc import Sequence

from kernbench.common.units import FS_PER_S, format_size, format_time, transfer_time
from kernbench.runtime_api.collectives.layout import SlotShape
from kernbench.runtime_api.collectives.schedule import Plan
from kernbench.runtime_api.rank import Machine


def shortage(machine: Machine, names: Sequence[str], plan: Plan, shape: SlotShape, channels: int) -> str:
    """What to say of the queue that is shortest of slots, if any is; `names` are the endpoints of the members.

    A slot is free for its sender again after the message is over (latency and slot / bandwidth), handed over, and the
    credit back: slots x slot size, of all `channels` that share the way, must be at least bandwidth x that time.
    """
    recv = machine.section("ipcq").recv
    held = shape.slots * shape.slot_bytes * channels
    worst, text = 0, ""
    for queue in plan.queues:
        there = machine.path(names[queue.src], names[queue.dst])
        back = machine.path(names[queue.dst], names[queue.src])
        trip = there.latency + transfer_time(shape.slot_bytes, there.bw) + recv + back.latency
        missing = -(-there.bw * trip // FS_PER_S) - held
        if missing > worst:
            worst = missing
            text = (
                f"{plan.name}: {shape.slots * channels} slots of {format_size(shape.slot_bytes)} from {names[queue.src]} to "
                f"{names[queue.dst]} are {missing} B less than {there.bw / 10**9:g} GB/s x "
                f"{format_time(trip)}, the round trip of a slot credit, so that the link can idle; make "
                "sip.cube.pe.ipcq.slots or slot_bytes larger"
            )
    return text
