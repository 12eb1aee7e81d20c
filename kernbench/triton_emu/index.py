"""Blocks known when the kernel's code reaches them: integer index blocks and masks, symbolic as long as they can be.

An index is base + sum(stride x position); a mask is a box of positions. What neither form can say becomes an explicit
array. Making them is address arithmetic of the scalar core: it costs no operation.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from kernbench.triton_emu.numerics import BINARY, IN_ONE_BIT, Array

Shape: TypeAlias = tuple[int, ...]
Span: TypeAlias = tuple[int, int]


def joint(left: Shape, right: Shape) -> Shape:
    """The shape that two shapes broadcast to."""
    if left == right or not right:
        return left
    if not left:
        return right
    try:
        return tuple(np.broadcast_shapes(left, right))
    except ValueError:
        raise ValueError(f"blocks of shapes {list(left)} and {list(right)} do not broadcast together") from None


class Index:
    """Integers of a block: `base + sum(strides[d] * position[d])`, or `array` when that cannot say it."""

    __slots__ = ("array", "base", "shape", "strides")

    def __init__(self, shape: Shape, base: int, strides: Shape, array: Array | None = None) -> None:
        self.shape = shape
        self.base = base
        self.strides = strides
        self.array = array

    @classmethod
    def explicit(cls, array: Array) -> "Index":
        """An index of any integers."""
        return cls(array.shape, 0, (), array.astype(np.int64, copy=False))

    @classmethod
    def constant(cls, value: int) -> "Index":
        """A scalar."""
        return cls((), value, ())

    def values(self) -> Array:
        """All of its integers."""
        if self.array is not None:
            return self.array
        out = np.full(self.shape, self.base, np.int64)
        for axis, stride in enumerate(self.strides):
            if stride:
                steps = np.arange(self.shape[axis], dtype=np.int64) * stride
                out += steps.reshape([-1 if d == axis else 1 for d in range(len(self.shape))])
        return out

    def bounds(self) -> Span:
        """Least and greatest, over all positions."""
        if self.array is not None:
            return int(self.array.min()), int(self.array.max())
        low = high = self.base
        for size, stride in zip(self.shape, self.strides, strict=True):
            reach = (size - 1) * stride
            if reach < 0:
                low += reach
            else:
                high += reach
        return low, high

    def broadcast(self, shape: Shape) -> "Index":
        """The same integers along new or single axes."""
        if shape == self.shape:
            return self
        if self.array is not None:
            return Index.explicit(np.broadcast_to(self.array, shape))
        lead = len(shape) - len(self.shape)
        _check_broadcast(self.shape, shape)
        kept = [0 if have == 1 else stride for have, stride in zip(self.shape, self.strides, strict=True)]
        return Index(shape, self.base, (0,) * lead + tuple(kept))

    def expand(self, axis: int) -> "Index":
        """A new axis of one position."""
        if self.array is not None:
            return Index.explicit(np.expand_dims(self.array, axis))
        return Index(_insert(self.shape, axis, 1), self.base, _insert(self.strides, axis, 0))

    def permute(self, order: Shape) -> "Index":
        """Axes in another order."""
        if self.array is not None:
            return Index.explicit(np.transpose(self.array, order))
        return Index(tuple(self.shape[a] for a in order), self.base, tuple(self.strides[a] for a in order))

    def reshape(self, shape: Shape) -> "Index":
        """The same integers in row-major order as another shape."""
        varying = [axis for axis, size in enumerate(self.shape) if size > 1]
        if self.array is not None or len(varying) > 1:
            return Index.explicit(self.values().reshape(shape))
        step = self.strides[varying[0]] if varying else 0
        strides = []
        for extent in reversed(shape):
            strides.append(step)
            step *= extent
        return Index(shape, self.base, tuple(reversed(strides)))


class Mask:
    """Truth of each position of a block: those inside `box` (a span per axis), or `array`."""

    __slots__ = ("array", "box", "shape")

    def __init__(self, shape: Shape, box: tuple[Span, ...], array: Array | None = None) -> None:
        self.shape = shape
        self.box = box
        self.array = array

    @classmethod
    def explicit(cls, array: Array) -> "Mask":
        """A mask of any shape of truth."""
        return cls(array.shape, (), array)

    @classmethod
    def full(cls, shape: Shape) -> "Mask":
        """True everywhere."""
        return cls(shape, tuple((0, size) for size in shape))

    def values(self) -> Array:
        """All of its truth values."""
        if self.array is not None:
            return self.array
        out = np.zeros(self.shape, np.bool_)
        out[tuple(slice(low, high) for low, high in self.box)] = True
        return out

    def broadcast(self, shape: Shape) -> "Mask":
        """The same truth along new or single axes."""
        if shape == self.shape:
            return self
        if self.array is not None:
            return Mask.explicit(np.broadcast_to(self.array, shape))
        _check_broadcast(self.shape, shape)
        lead = len(shape) - len(self.shape)
        box: list[Span] = [(0, size) for size in shape[:lead]]
        for have, want, (low, high) in zip(self.shape, shape[lead:], self.box, strict=True):
            box.append(((0, want) if high > low else (0, 0)) if have == 1 else (low, high))
        return Mask(shape, tuple(box))

    def expand(self, axis: int) -> "Mask":
        """A new axis of one position."""
        if self.array is not None:
            return Mask.explicit(np.expand_dims(self.array, axis))
        box = list(self.box)
        box.insert(axis, (0, 1))
        return Mask(_insert(self.shape, axis, 1), tuple(box))

    def permute(self, order: Shape) -> "Mask":
        """Axes in another order."""
        if self.array is not None:
            return Mask.explicit(np.transpose(self.array, order))
        return Mask(tuple(self.shape[a] for a in order), tuple(self.box[a] for a in order))

    def reshape(self, shape: Shape) -> "Mask":
        """The same truth in row-major order as another shape."""
        if self.array is None and all(span == (0, size) for span, size in zip(self.box, self.shape, strict=True)):
            return Mask.full(shape)
        return Mask.explicit(self.values().reshape(shape))


Known: TypeAlias = Index | Mask


def combine(name: str, left: Known, right: Known) -> Known | None:
    """`left name right`, symbolic where that is possible; None when the outcome is not an index or a mask."""
    if name == "/":
        return None
    function = BINARY[name].function
    if right.shape == () and isinstance(right, Index) and isinstance(left, Index) and left.array is right.array is None:
        scalar = _BY_SCALAR.get(name)
        found = None if scalar is None else scalar(left, right.base)
        if found is not None:
            return found
    if isinstance(left, Index) and isinstance(right, Index):
        if left.array is None and right.array is None:
            symbolic = _SYMBOLIC.get(name)
            if symbolic is not None:
                shape = joint(left.shape, right.shape)
                found = symbolic(left.broadcast(shape), right.broadcast(shape))
                if found is not None:
                    return found
    elif isinstance(left, Mask) and isinstance(right, Mask):
        if name == "&" and left.array is None and right.array is None:
            return _intersect(left, right)
        function = IN_ONE_BIT.get(function, function)
    else:
        left, right = _as_index(left), _as_index(right)
    with np.errstate(all="ignore"):
        out = np.asarray(function(left.values(), right.values()))
    return Mask.explicit(out) if out.dtype == np.bool_ else Index.explicit(out)


def _as_index(known: Known) -> Index:
    return known if isinstance(known, Index) else Index.explicit(known.values())


def _insert(values: Shape, axis: int, value: int) -> Shape:
    return (*values[:axis], value, *values[axis:])


def _check_broadcast(have: Shape, want: Shape) -> None:
    if joint(have, want) != want:
        raise ValueError(f"a block of shape {list(have)} does not broadcast to {list(want)}")


def _intersect(left: Mask, right: Mask) -> Mask:
    shape = joint(left.shape, right.shape)
    pairs = zip(left.broadcast(shape).box, right.broadcast(shape).box, strict=True)
    return Mask(shape, tuple((max(a[0], b[0]), max(a[0], b[0], min(a[1], b[1]))) for a, b in pairs))


def _add(left: Index, right: Index) -> Index:
    strides = tuple(a + b for a, b in zip(left.strides, right.strides, strict=True))
    return Index(left.shape, left.base + right.base, strides)


def _subtract(left: Index, right: Index) -> Index:
    strides = tuple(a - b for a, b in zip(left.strides, right.strides, strict=True))
    return Index(left.shape, left.base - right.base, strides)


def _multiply(left: Index, right: Index) -> Index | None:
    if any(left.strides):
        left, right = right, left
    if any(left.strides):
        return None
    return Index(left.shape, left.base * right.base, tuple(left.base * stride for stride in right.strides))


def _modulo(left: Index, right: Index) -> Index | None:
    quotient = _one_quotient(left, right)
    return None if quotient is None else Index(left.shape, left.base - quotient * right.base, left.strides)


def _divide(left: Index, right: Index) -> Index | None:
    quotient = _one_quotient(left, right)
    return None if quotient is None else Index(left.shape, quotient, (0,) * len(left.shape))


def _one_quotient(left: Index, right: Index) -> int | None:
    """The quotient that all positions share, if the corners prove that there is one."""
    low, high = left.bounds()
    if any(right.strides) or right.base <= 0 or low < 0 or low // right.base != high // right.base:
        return None
    return low // right.base


def _below(difference: Index, limit: int) -> Mask | None:
    """Where `difference < limit`, if that is a box: at most one axis varies."""
    varying = [axis for axis, stride in enumerate(difference.strides) if stride and difference.shape[axis] > 1]
    full = Mask.full(difference.shape)
    room = limit - difference.base
    if not varying:
        return (
            full if room > 0 else Mask(difference.shape, tuple((0, 0) for _ in difference.shape)) if full.box else None
        )
    if len(varying) > 1:
        return None
    axis = varying[0]
    stride, size = difference.strides[axis], difference.shape[axis]
    # position x stride < room, for either sign of the stride
    span = (0, min(size, max(0, -(-room // stride)))) if stride > 0 else (min(size, max(0, room // stride + 1)), size)
    return Mask(difference.shape, (*full.box[:axis], span, *full.box[axis + 1 :]))


_SYMBOLIC: dict[str, Callable[[Index, Index], Known | None]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "%": _modulo,
    "//": _divide,
    "<": lambda a, b: _below(_subtract(a, b), 0),
    "<=": lambda a, b: _below(_subtract(a, b), 1),
    ">": lambda a, b: _below(_subtract(b, a), 0),
    ">=": lambda a, b: _below(_subtract(b, a), 1),
}

# The everyday case, a block and a number, needs no broadcast.
_BY_SCALAR: dict[str, Callable[[Index, int], Known | None]] = {
    "+": lambda index, number: Index(index.shape, index.base + number, index.strides),
    "-": lambda index, number: Index(index.shape, index.base - number, index.strides),
    "*": lambda index, number: Index(index.shape, index.base * number, tuple([number * s for s in index.strides])),
    "<": _below,
}
