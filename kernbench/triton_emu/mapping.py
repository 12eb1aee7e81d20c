"""A function of single elements over a whole block: `tl.map_elementwise`.

The vector unit has no branches of its own. Elements that take the same way through the function go through it together,
one way after another, each from the function's start; the program waits for every truth and every bound of a loop that it
meets. A function without branches costs what its operations cost. It computes and loads; Triton refuses all else too.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernbench.triton_emu.block import Block, Kind, combined, shapes, size_of
from kernbench.triton_emu.creation import as_block
from kernbench.triton_emu.index import Index, Shape, joint
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.pointer import Pointer
from kernbench.triton_emu.program import current

__all__ = ["map_elementwise"]


def map_elementwise(scalar_fn: Callable[..., Any], *args: Any, pack: int = 1) -> Any:
    """What `scalar_fn` makes of the elements of `args`, which broadcast; a tuple of blocks where it returns several.

    It is called with `pack` elements of each argument, one after another, and returns as many of each outcome.
    """
    shape = shapes(args)
    for each in args:
        if isinstance(each, Pointer):
            shape = joint(shape, each.shape)
    size = size_of(shape)
    if pack < 1 or size % pack:
        raise ValueError(f"tl.map_elementwise: pack is {pack}, which does not divide {size} elements")
    lines = [_lines(each, shape, pack) for each in args]
    ways, several = _walk(scalar_fn, lines, size // pack, pack)
    out = [_gathered([(at, made[first : first + pack]) for at, made in ways], shape, pack)
           for first in range(0, len(ways[0][1]), pack)]  # fmt: skip
    return tuple(out) if several else out[0]


class _Parting(Exception):
    """A value that the elements do not share: the truth of a branch, the bound of a loop; `values` has that of each."""

    def __init__(self, values: Array) -> None:
        self.values = values


def _walk(
    function: Callable[..., Any], lines: Sequence[Any], count: int, pack: int
) -> tuple[list[tuple[Array, list[Any]]], bool]:
    """Each way through the function with the places that take it and what comes out, and whether that is a tuple."""
    program = current()
    outer = program.decide
    waiting: list[tuple[Array, list[Any]]] = [(np.arange(count), [])]
    ways: list[tuple[Array, list[Any]]] = []
    several = False
    try:
        while waiting:
            at, decided = waiting.pop()
            program.decide = _decider(decided)
            try:
                made = function(*[_element(line, at, place) for line in lines for place in range(pack)])
            except _Parting as parting:
                values = parting.values
                waiting += [(at[values == each], [*decided, each]) for each in np.unique(values)]
                continue
            several = isinstance(made, tuple | list)
            found = list(made) if several else [made]
            if not found or len(found) % pack:
                raise ValueError(
                    f"tl.map_elementwise: the function returned {len(found)} values for pack={pack}; return one for each element"
                )
            if ways and len(found) != len(ways[0][1]):
                raise ValueError(
                    f"tl.map_elementwise: the function returned {len(ways[0][1])} values on one way and {len(found)} on "
                    "another; return as many on every way"
                )
            ways.append((at, found))
    finally:
        program.decide = outer
    return ways, several


def _decider(decided: list[Any]) -> Callable[[Block, Kind], Any]:
    """Answers values in the order in which a way meets them; the first that parts the elements ends it."""
    met = 0

    def decide(block: Block, kind: Kind) -> Any:
        nonlocal met
        if met == len(decided):
            values = block.concrete().reshape(-1).astype(kind)
            if (values != values[0]).any():
                raise _Parting(values)
            decided.append(values[0])
        met += 1
        return decided[met - 1]

    return decide


def _lines(operand: Any, shape: Shape, pack: int) -> Any:
    """An argument's elements as lines of `pack`; a number stays one."""
    if not isinstance(operand, Block | Pointer) or not operand.shape:
        return operand
    return operand.broadcast(shape).reshaped((size_of(shape) // pack, pack))


def _element(lines: Any, at: Array, place: int) -> Any:
    """The elements at one place of the lines `at`."""
    if not isinstance(lines, Block | Pointer) or not lines.shape:
        return lines
    if isinstance(lines, Pointer):
        return Pointer(lines.arg, Index.explicit(lines.index.values()[at, place]))
    return lines.seen(lambda array: array[at, place], (len(at),))


def _gathered(ways: list[tuple[Array, list[Any]]], shape: Shape, pack: int) -> Block:
    """One outcome of all ways as a block: a vector operation where there are several, or several elements in a line."""
    blocks = [(at, [as_block("map_elementwise", each) for each in made]) for at, made in ways]
    dtype = blocks[0][1][0].dtype
    for _, made in blocks:
        for block in made:
            if block.dtype is not dtype:
                raise TypeError(
                    f"tl.map_elementwise: the function returns {dtype} on one way and {block.dtype} on another; "
                    "use .to(...)"
                )
    if len(blocks) == 1 and pack == 1 and blocks[0][1][0].shape:
        return blocks[0][1][0].reshaped(shape)
    placed = [(at, place) for at, made in blocks for place in range(len(made))]

    def place_all(*arrays: Array) -> Any:
        out = np.empty((size_of(shape) // pack, pack), dtype.numpy)
        for (at, place), array in zip(placed, arrays, strict=True):
            out[at, place] = array
        return out.reshape(shape)

    return combined(place_all, tuple(block for _, made in blocks for block in made), dtype, shape, dtype, "simple")
