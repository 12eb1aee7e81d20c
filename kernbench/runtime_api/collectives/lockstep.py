"""The kernel of a chain of short messages inside a SIP: one message at a time, nothing ahead of its turn.

A PE's links carry its messages and its loads and stores. A member that works ahead has its loads arrive beside the
messages, and its stores leave beside them. Here the next load goes out while this message is reduced, and messages and
stores leave one after the other: docs/adr/0008-lockstep-inside-a-sip.md.
"""

from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.runtime_api.collectives.kernel import combine, finished
from kernbench.triton_emu.jit import jit


@jit
def lockstep(
    x_ptr: Any, y_ptr: Any, z_ptr: Any, JOB: tl.constexpr, DTYPE: Any, OP: tl.constexpr, SLICE: tl.constexpr
) -> None:
    """As `collective`, for a schedule of one action a step, one slice an action and one round a channel."""
    program = int(tl.program_id(0))
    part, channel = JOB.parts[program // JOB.channels], program % JOB.channels
    buffers = {"x": x_ptr, "y": y_ptr, "z": z_ptr}
    columns = tl.arange(0, SLICE)
    turns = [turn for step in part.steps for turn in JOB.layout.order(step, channel)]
    ahead: Any = _load(buffers, part, turns[0], columns) if turns else None
    for number, (action, start, length) in enumerate(turns):
        own, ahead = ahead, None
        block: Any = None
        for source in action.sources:
            block = tl.recv((SLICE,), DTYPE, from_=part.queue(channel, source, part.member, action.arrives_on))
        # The next load goes out when this is there, beside which it would only delay it.
        tl.wait(own if block is None else block)
        if number + 1 < len(turns):
            ahead = _load(buffers, part, turns[number + 1], columns)
        if block is None and ahead is not None and length > JOB.layout.packet:
            tl.wait(ahead)  # no addition keeps it apart from the message that comes next
        if own is not None:
            block = own if block is None else combine(block, own, OP)
        del own
        if action.finish:
            block = finished(block, JOB.members, DTYPE, OP)
        if action.to:
            tl.flush()  # of what the turn before stored
        for peer in action.to:
            tl.send(block, to=part.queue(channel, part.member, peer, action.plane), count=length)
        if action.store is not None:
            tl.flush()  # of the message
            offsets = start - part.shift[action.store] + columns
            tl.store(buffers[action.store] + offsets, block, mask=columns < length)


@jit
def _load(buffers: tl.constexpr, part: tl.constexpr, turn: tl.constexpr, columns: Any) -> Any:
    """The own elements that an action needs, if any."""
    action, start, length = turn
    if action.load is None:
        return None
    return tl.load(buffers[action.load] + (start - part.shift[action.load] + columns), mask=columns < length)
