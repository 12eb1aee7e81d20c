"""The kernel of every collective that is given as a schedule: it receives, reduces, stores and sends slice by slice."""

from collections.abc import Mapping
from typing import Any

import msgspec

import kernbench.triton_emu.language as tl
from kernbench.runtime_api.collectives.layout import Layout
from kernbench.runtime_api.collectives.schedule import Step
from kernbench.triton_emu.arithmetic import binary
from kernbench.triton_emu.dtype import int1
from kernbench.triton_emu.jit import jit


class Part(msgspec.Struct, frozen=True):
    """A member's part: `shift` is how many elements before its buffers chunk 0 would begin."""

    group: str
    member: int
    steps: tuple[Step, ...]
    shift: Mapping[str, int]

    def queue(self, channel: int, src: int, dst: int, plane: int) -> str:
        """The name of a queue between two members."""
        return queue_name(self.group, channel, src, dst, plane)


class Job(msgspec.Struct, frozen=True):
    """What the kernel carries out on one SIP: the parts of its members, and how the elements are cut."""

    parts: tuple[Part, ...]
    layout: Layout
    channels: int
    members: int


def queue_name(group: str, channel: int | str, src: int, dst: int, plane: int = 0) -> str:
    """`world.0.2>3`: channel 0 from member 2 to member 3; further planes have a number of their own at the end."""
    return f"{group}.{channel}.{src}>{dst}" + (f".{plane}" if plane else "")


@jit
def combine(received: Any, own: Any, OP: tl.constexpr) -> Any:
    """One step of the reduction."""
    if OP in ("sum", "avg"):
        return received | own if received.dtype is int1 else received + own  # as torch has bool
    if OP == "prod":
        return received * own
    if OP == "max":
        return binary("maximum", received, own)  # tl.maximum makes float32 of bfloat16: twice the bytes to send
    return binary("minimum", received, own)


@jit
def finished(total: Any, members: int, DTYPE: Any, OP: tl.constexpr) -> Any:
    """The end of a reduction: a mean divides the sum once, integers toward zero."""
    if OP != "avg":
        return total
    return (total // members if DTYPE.is_int() else total / members).to(DTYPE)


@jit
def collective(
    x_ptr: Any, y_ptr: Any, z_ptr: Any, JOB: tl.constexpr, DTYPE: Any, OP: tl.constexpr, SLICE: tl.constexpr
) -> None:
    """Program i is channel i mod `channels` of this SIP's member i div `channels`; it takes every channels-th round."""
    program = int(tl.program_id(0))
    part, channel = JOB.parts[program // JOB.channels], program % JOB.channels
    buffers = {"x": x_ptr, "y": y_ptr, "z": z_ptr}
    columns = tl.arange(0, SLICE)
    for number in range(channel, JOB.layout.rounds, JOB.channels):
        for step in part.steps:
            for action, start, length in JOB.layout.order(step, number):
                mask = columns < length
                block = None
                for source in action.sources:
                    got = tl.recv((SLICE,), DTYPE, from_=part.queue(channel, source, part.member, action.arrives_on))
                    if block is not None:
                        block = combine(got, block, OP)
                    elif action.load is not None:
                        offsets = start - part.shift[action.load] + columns
                        block = combine(got, tl.load(buffers[action.load] + offsets, mask=mask), OP)
                    else:
                        block = got
                    del got  # a slot's credit goes back when nobody can read it any more
                if block is None:
                    offsets = start - part.shift[action.load] + columns
                    block = tl.load(buffers[action.load] + offsets, mask=mask)
                if action.finish:
                    block = finished(block, JOB.members, DTYPE, OP)
                if action.store is not None:
                    tl.store(buffers[action.store] + (start - part.shift[action.store] + columns), block, mask=mask)
                for peer in action.to:
                    tl.send(block, to=part.queue(channel, part.member, peer, action.plane), count=length)
