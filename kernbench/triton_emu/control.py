"""Where a program stands in its grid, its loops, its checks and prints, and hints to a compiler that is not there."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kernbench.triton_emu.block import Block, make
from kernbench.triton_emu.dtype import int32, int64, of_scalar
from kernbench.triton_emu.program import current, is_inside
from kernbench.triton_emu.scalar import CLASSES, Scalar, scalar

__all__ = [
    "assume", "condition", "const", "constexpr", "debug_barrier", "device_assert", "device_print", "expect_zero",
    "max_constancy", "max_contiguous", "multiple_of", "num_programs", "program_id", "range", "static_assert",
    "static_print", "static_range", "to_tensor",
]  # fmt: skip

_range = range


class _Constant:
    """A compile-time constant that remembers to be one: `tl.constexpr(4)` is 4 and has a `.value`."""

    __slots__ = ()
    value: Any


def _constant_of(base: Any) -> Any:
    body = {"value": property(base), "__slots__": ()}
    return type(f"constexpr_{base.__name__}", (_Constant, base), body)


_CONSTANTS: dict[Any, Any] = {base: _constant_of(base) for base in (int, float, str, tuple)}


class _Constexpr(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Constant)


if TYPE_CHECKING:
    constexpr: TypeAlias = Any  # noqa: PYI042  # Triton's name; inside a kernel it is the value itself
else:

    class constexpr(metaclass=_Constexpr):  # noqa: N801  # Triton's name
        """Marks a parameter that is known at launch; `tl.constexpr(4)` is 4 and may stand outside a kernel."""

        def __new__(cls, value: Any) -> Any:
            """The value itself."""
            found = _CONSTANTS.get(type(value))
            return value if found is None else found(value)


class const:  # noqa: N801  # Triton's name
    """Marks a parameter that points to what the kernel only reads; nothing is made of it here."""


def is_constant(value: Any) -> bool:
    """Whether it is a compile-time constant that remembers to be one."""
    return isinstance(value, _Constant)


def program_id(axis: int) -> Any:
    """Which program of the grid this is, along `axis`, as a known int32."""
    return CLASSES[int32](current().pid[_axis("program_id", axis)])


def num_programs(axis: int) -> Any:
    """How many programs the grid has along `axis`, as a known int32."""
    return CLASSES[int32](current().grid[_axis("num_programs", axis)])


def _axis(name: str, axis: int) -> int:
    if axis not in (0, 1, 2):
        raise ValueError(f"tl.{name}: the axes of a grid are 0, 1 and 2, got {axis}")
    return int(axis)


def range(  # noqa: A001  # Triton's name
    arg1: Any,
    arg2: Any = None,
    step: Any = None,
    num_stages: int | None = None,  # noqa: ARG001  # the device runs ahead by itself
    loop_unroll_factor: int | None = None,  # noqa: ARG001
    disallow_acc_multi_buffer: bool = False,  # noqa: ARG001
    flatten: bool = False,  # noqa: ARG001
    warp_specialize: bool = False,  # noqa: ARG001
    disable_licm: bool = False,  # noqa: ARG001
) -> Sequence[Any]:
    """Known integers from `arg1` up to `arg2` by `step`, or from 0 up to `arg1`; the hints mean nothing here."""
    bounds = [arg1] if arg2 is None else [arg1, arg2, 1 if step is None else step]
    wide = any(getattr(bound, "dtype", int32) is int64 for bound in bounds)
    return _Numbers(CLASSES[int64 if wide else int32], _range(*[int(bound) for bound in bounds]))


class _Numbers(Sequence[Any]):
    """Python's range with numbers of a kernel: it can be gone through again, backwards and by index, as that one can."""

    def __init__(self, make: Callable[[int], Any], numbers: Sequence[int]) -> None:
        self._make = make
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        found = self._numbers[index]
        return self._make(found) if isinstance(found, int) else _Numbers(self._make, found)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, self._numbers)


def static_range(arg1: int, arg2: int | None = None, step: int | None = None) -> Any:
    """Python's range: a loop that a compiler would unroll."""
    return _range(arg1) if arg2 is None else _range(arg1, arg2, 1 if step is None else step)


def static_assert(cond: Any, msg: str = "") -> None:
    """Stop the run unless `cond` holds."""
    if not cond:
        raise ValueError(f"static_assert failed: {msg}")


def device_assert(cond: Any, msg: str = "", mask: Any = None) -> None:
    """Stop the run unless `cond` holds for every element that `mask` keeps; the program waits for them."""
    held = cond.concrete() if isinstance(cond, Block) else np.asarray(bool(cond))
    if mask is not None:
        kept = mask.concrete() if isinstance(mask, Block) else np.asarray(bool(mask))
        held = held | ~kept.astype(np.bool_)
    if not held.all():
        raise ValueError(f"device_assert failed: {msg}")


def static_print(*values: Any, sep: str = " ", end: str = "\n", **_: Any) -> None:
    """Print to stderr what is known without running, once a launch: in the grid's first program."""
    if current().pid == (0, 0, 0):
        sys.stderr.write(sep.join(map(str, values)) + end)


def device_print(prefix: str, *args: Any, hex: bool = False) -> None:  # noqa: A002
    """Print `prefix` and values to stderr, when they are computed; a vector operation of one element."""
    program = current()
    program.act("device_print")
    blocks = [each for each in args if isinstance(each, Block)]
    views = [block.lens for block in blocks]
    head = f"pid {program.pid} {prefix}"

    def show(*arrays: Any) -> Any:
        seen = iter([array if view is None else view(array) for array, view in zip(arrays, views, strict=True)])
        shown = [next(seen) if isinstance(each, Block) else each for each in args]
        texts = [_hexadecimal(each) if hex else str(each) for each in shown]
        sys.stderr.write(" ".join([head, *texts]) + "\n")
        return np.zeros((), np.int32)

    inputs = tuple(block.stored() for block in blocks)
    Block(program, int32, (), make(program, show, inputs, (), int32, "simple"))


def _hexadecimal(value: Any) -> str:
    return str(np.vectorize(lambda each: f"{int(each):#x}", otypes=[object])(value))


def debug_barrier() -> None:
    """Nothing: a program is one stream of instructions, and its own accesses to the same bytes keep their order."""


def multiple_of(input: Any, values: Any) -> Any:  # noqa: A002, ARG001
    """`input` itself; the hint means nothing here."""
    return input


def max_contiguous(input: Any, values: Any) -> Any:  # noqa: A002, ARG001
    """`input` itself; the hint means nothing here."""
    return input


def max_constancy(input: Any, values: Any) -> Any:  # noqa: A002, ARG001
    """`input` itself; the hint means nothing here."""
    return input


def condition(arg1: Any, disable_licm: bool = False) -> Any:  # noqa: ARG001
    """`arg1` itself, as `while tl.condition(...)` has it; the hint means nothing here."""
    return arg1


def expect_zero(x: Any, mask: Any) -> Any:  # noqa: ARG001
    """`x` itself: where `mask` holds it has gone to zero, says the kernel."""
    return x


def assume(cond: Any) -> None:
    """Nothing: the hint means nothing here."""


def to_tensor(x: Any) -> Any:
    """A Python number as a known scalar; anything else as it is."""
    if is_inside() and isinstance(x, int | float) and not isinstance(x, Scalar):
        return scalar(x, of_scalar(x))
    return x
