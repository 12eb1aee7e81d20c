"""Messages to other PEs: blocks that go through queues."""

from typing import Any

import numpy as np

from kernbench.common.ops import Recv, Send, Value
from kernbench.triton_emu.block import Block, size_of
from kernbench.triton_emu.creation import as_shape
from kernbench.triton_emu.dtype import DType
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.program import KernelProgram, current, site

__all__ = ["flush", "recv", "send", "wait"]


def send(block: Block, to: str | int = "next", count: int | None = None) -> None:
    """Send the first `count` elements of the flattened block (all unless said) to the neighbour `to`."""
    if not isinstance(block, Block):
        raise TypeError(f"tl.send takes a block, got {block!r}")
    program = current()
    size = size_of(block.shape)
    count = size if count is None else int(count)
    if not 0 < count <= size:
        raise ValueError(f"tl.send: count is {count}, the block has {size} elements; send 1 to {size}")
    source, view = block.stored(), block.lens

    def encode(array: Array) -> bytes:
        flat = (array if view is None else view(array)).reshape(-1)
        return flat[:count].tobytes()

    program.submit(
        Send(site(), source, program.queue(str(to)), count * block.dtype.itemsize, _tag(program, block.dtype), encode)
    )


def recv(shape: Any, dtype: DType, from_: str | int = "prev") -> Block:
    """The next block from the neighbour `from_`; what was sent shorter than `shape` ends in zeros."""
    program = current()
    extents = as_shape(shape)
    size, kind = size_of(extents), dtype.numpy

    def decode(data: bytes | memoryview) -> Array:
        flat = np.frombuffer(data, kind)
        if flat.size < size:
            flat = np.concatenate((flat, np.zeros(size - flat.size, kind)))
        return flat.reshape(extents)

    value = Value(size * dtype.itemsize, in_tcm=False)
    program.submit(Recv(site(), program.queue(str(from_)), size * dtype.itemsize, _tag(program, dtype), value, decode))
    return Block(program, dtype, extents, value)


def wait(block: Block) -> None:
    """Go on when the block is there: what the program issues from here on starts no earlier."""
    current().await_value(block.stored())


def flush() -> None:
    """Go on when all that the program has stored or sent has left its PE: what comes next has the way out for itself.

    It does not say that a store has arrived; whoever reads after another program's store needs an atomic that acquires.
    """
    current().leave()


def _tag(program: KernelProgram, dtype: DType) -> str:
    return f"{program.tag or program.name}, {dtype}"
