"""Programs that break at a chosen moment; `{mark}` is the file in which they note when."""
# ruff: noqa: INP001  # scripts, not a package

NOTE = """
import time
from pathlib import Path

def note():
    Path({mark!r}).write_text(str(time.monotonic()))
"""

BENCH = (
    '"""All-reduces of which one goes wrong."""\n'
    + NOTE
    + '''
import kernbench.triton_emu.language as tl
from kernbench.triton_emu.jit import jit


@jit
def doubles(x_ptr, fatal, SIZE: tl.constexpr):
    """Double a block."""
    where = x_ptr + tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    block = tl.load(where)
    if fatal and tl.program_id(0) == 1:
        note()
        _ = 1 / 0
    tl.store(where, block + block)


def bench(torch):
    """Double and reduce, {rows} times."""
    dist = torch.distributed
    dist.init_process_group()
    for number in range({rows}):
        fatal = number == {row} and dist.get_rank() == {rank}
        if fatal and {what!r} == "rank":
            note()
            raise ValueError("fault of the campaign")
        x = torch.ones({count})
        doubles[(2,)](x, fatal and {what!r} == "kernel", {count} // 2)
        dist.all_reduce(x)
'''
)

PART = (
    '"""A vector unit that breaks down."""\n'
    + NOTE
    + '''
from kernbench.components.pe_math import PeMath, PeMathConfig


class Fragile(PeMath):
    """Works until its {number}th operation."""

    config: PeMathConfig
    done = 0

    def start(self, operation, /):
        """Start an operation, or break."""
        Fragile.done += 1
        if Fragile.done > {number}:
            note()
            raise ArithmeticError("fault of the campaign")
        super().start(operation)
'''
)

SINK = (
    '"""An observer that breaks down."""\n'
    + NOTE
    + '''

class Raising:
    """Hears all of a SIP until its {number}th row."""

    def __init__(self, sip):
        self.heard = 0

    def take(self, row, /):
        """Count, or break."""
        self.heard += 1
        if self.heard > {number}:
            note()
            raise ArithmeticError("fault of the campaign")
'''
)
