"""How a tensor's elements lie in memory: shape, strides and offset, and what indexing and reshaping make of them."""

from math import prod
from typing import Any

import msgspec

Shape = tuple[int, ...]


class View(msgspec.Struct, frozen=True):
    """`shape` and `strides` in elements, `offset` of the first; a stride of 0 repeats."""

    shape: Shape
    strides: Shape
    offset: int = 0

    @classmethod
    def whole(cls, shape: Shape) -> "View":
        """Row-major, from the beginning."""
        strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
        return cls(shape, strides)

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements lie side by side in row-major order."""
        expected = 1
        for extent, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if extent != 1 and stride != expected:
                return 0 in self.shape
            expected *= extent
        return True

    @property
    def span(self) -> int:
        """Elements from the first to the last, both included."""
        if 0 in self.shape:
            return 0
        return 1 + sum((extent - 1) * stride for extent, stride in zip(self.shape, self.strides, strict=True))

    def reshaped(self, shape: Shape) -> "View | None":
        """The same elements in another shape, None if only a copy has that; contiguous ones always do.

        Axes that lie in one piece of memory, each a multiple of the next, are cut anew; pieces stay apart.
        """
        if self.is_contiguous:
            return View(shape, View.whole(shape).strides, self.offset)
        strides = [0] * len(shape)
        axis = len(shape) - 1
        step, there, made = self.strides[-1], 1, 1
        for number in reversed(range(len(self.shape))):
            there *= self.shape[number]
            before = number - 1
            if number and (self.shape[before] == 1 or self.strides[before] == there * step):
                continue
            while axis >= 0 and (made < there or shape[axis] == 1):
                strides[axis] = made * step
                made *= shape[axis]
                axis -= 1
            if made != there:
                return None
            if number:
                step, there, made = self.strides[before], 1, 1
        return View(shape, tuple(strides), self.offset) if axis < 0 else None

    def permuted(self, order: Shape) -> "View":
        """Axes in another order."""
        return View(tuple(self.shape[d] for d in order), tuple(self.strides[d] for d in order), self.offset)

    def expanded(self, shape: Shape) -> "View":
        """Axes of one element repeated, and new axes in front."""
        new = len(shape) - len(self.shape)
        strides = [0] * new
        for axis, (extent, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            wanted = shape[new + axis]
            if extent not in (wanted, 1):
                raise RuntimeError(
                    f"The expanded size of the tensor ({wanted}) must match the existing size ({extent}) at non-singleton "
                    f"dimension {new + axis}.  Target sizes: {list(shape)}.  Tensor sizes: {list(self.shape)}"
                )
            strides.append(stride if extent == wanted else 0)
        return View(shape, tuple(strides), self.offset)

    def indexed(self, key: Any) -> "View":
        """What `tensor[key]` sees: integers, slices with a positive step, None and an ellipsis."""
        keys = list(key) if isinstance(key, tuple) else [key]
        used = sum(each is not None and each is not Ellipsis for each in keys)
        if used > len(self.shape):
            raise IndexError(f"too many indices for tensor of dimension {len(self.shape)}")
        spare = [slice(None)] * (len(self.shape) - used)
        at = next((number for number, each in enumerate(keys) if each is Ellipsis), len(keys))
        keys[at : at + 1] = spare
        shape: list[int] = []
        strides: list[int] = []
        offset, axis = self.offset, 0
        for each in keys:
            if each is None:
                shape.append(1)
                strides.append(0)
                continue
            extent, stride = self.shape[axis], self.strides[axis]
            if isinstance(each, slice):
                start, stop, step = each.indices(extent)
                if step < 1:
                    raise ValueError("step must be greater than zero")
                shape.append(max(0, -(-(stop - start) // step)))
                strides.append(stride * step)
                offset += start * stride
            else:
                number = int(each)
                if not -extent <= number < extent:
                    raise IndexError(f"index {number} is out of bounds for dimension {axis} with size {extent}")
                offset += number % extent * stride
            axis += 1
        return View(tuple(shape), tuple(strides), offset)


def filled(shape: Shape, count: int) -> Shape:
    """A shape with its one -1, if any, computed from the number of elements."""
    known = prod(extent for extent in shape if extent != -1)
    if shape.count(-1) == 1 and known and count % known == 0:
        shape = tuple(count // known if extent == -1 else extent for extent in shape)
    if prod(shape) != count or -1 in shape:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")
    return shape


def broadcast_shape(left: Shape, right: Shape) -> Shape:
    """The shape of two operands together."""
    rank = max(len(left), len(right))
    out = []
    for axis in range(-rank, 0):
        a = left[axis] if -axis <= len(left) else 1
        b = right[axis] if -axis <= len(right) else 1
        if a != b and 1 not in (a, b):
            raise RuntimeError(
                f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension {rank + axis}"
            )
        out.append(b if a == 1 else a)
    return tuple(out)
