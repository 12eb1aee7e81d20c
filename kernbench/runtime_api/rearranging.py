"""More ways to see a tensor's elements, by torch's names: all views of the same bytes unless said otherwise."""

from math import prod
from typing import TYPE_CHECKING, Any

from kernbench.runtime_api.launching import Launching
from kernbench.runtime_api.view import View

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class Rearranging(Launching):
    """What `view`, `permute`, `expand` and indexing make possible."""

    if TYPE_CHECKING:
        _allocation: Any

        def seen(self, view: View) -> "Tensor": ...  # noqa: D102  # Tensor's
        def view(self, *shape: Any) -> "Tensor": ...  # noqa: D102  # Tensor's
        def transpose(self, dim0: int, dim1: int) -> "Tensor": ...  # noqa: D102  # Tensor's
        def __getitem__(self, key: Any) -> "Tensor": ...

    def select(self, dim: int, index: int) -> "Tensor":
        """The slice with this number along `dim`, without the axis."""
        return self[(*[slice(None)] * (dim % len(self.shape)), index)]

    def narrow(self, dim: int, start: int, length: int) -> "Tensor":
        """So many slices along `dim` from `start` on."""
        at = start % self.shape[dim] if start < 0 else int(start)
        if at + length > self.shape[dim]:
            raise RuntimeError(f"start ({at}) + length ({length}) exceeds dimension size ({self.shape[dim]}).")
        return self[(*[slice(None)] * (dim % len(self.shape)), slice(at, at + length))]

    def unbind(self, dim: int = 0) -> tuple["Tensor", ...]:
        """All slices along `dim`."""
        return tuple(self.select(dim, number) for number in range(self.shape[dim]))

    def split(self, split_size: Any, dim: int = 0) -> tuple["Tensor", ...]:
        """Pieces of one size along an axis, or of each of several sizes."""
        extent = self.shape[dim]
        if isinstance(split_size, int):
            sizes = [min(split_size, extent - at) for at in range(0, extent, split_size)]
        else:
            sizes = [int(each) for each in split_size]
        if sum(sizes) != extent:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size at dimension "
                f"{dim}), but got split_sizes={sizes}"
            )
        starts = [sum(sizes[:number]) for number in range(len(sizes))]
        return tuple(self.narrow(dim, start, size) for start, size in zip(starts, sizes, strict=True))

    def chunk(self, chunks: int, dim: int = 0) -> tuple["Tensor", ...]:
        """So many pieces along an axis, the last one maybe smaller."""
        return self.split(-(-self.shape[dim] // chunks), dim)

    def swapaxes(self, axis0: int, axis1: int) -> "Tensor":
        """Two axes exchanged."""
        return self.transpose(axis0, axis1)

    swapdims = swapaxes

    def movedim(self, source: Any, destination: Any) -> "Tensor":
        """Axes moved to other places; the rest keep their order."""
        count = len(self.shape)
        taken = [each % count for each in ((source,) if isinstance(source, int) else source)]
        wanted = [each % count for each in ((destination,) if isinstance(destination, int) else destination)]
        rest = iter(axis for axis in range(count) if axis not in taken)
        order = [taken[wanted.index(place)] if place in wanted else next(rest) for place in range(count)]
        return self.permute(order)

    moveaxis = movedim

    def unflatten(self, dim: int, sizes: Any) -> "Tensor":
        """One axis as several."""
        at = dim % len(self.shape)
        parts = [int(each) for each in sizes]
        known = prod(each for each in parts if each != -1)
        parts = [self.shape[at] // known if each == -1 else each for each in parts]
        return self.view(*self.shape[:at], *parts, *self.shape[at + 1 :])

    def expand_as(self, other: "Tensor") -> "Tensor":
        """Expanded to the shape of another."""
        return self.expand(*other.shape)

    def broadcast_to(self, size: Any) -> "Tensor":
        """Expanded to a shape."""
        return self.expand(*size)

    def reshape_as(self, other: "Tensor") -> "Tensor":
        """In the shape of another."""
        return self.reshape(*other.shape)

    def as_strided(self, size: Any, stride: Any, storage_offset: int | None = None) -> "Tensor":
        """Elements of the whole memory behind the tensor, in strides of elements."""
        offset = self._view.offset if storage_offset is None else storage_offset
        made = View(tuple(map(int, size)), tuple(map(int, stride)), offset)
        needed, there = (offset + made.span) * self.dtype.itemsize, self._allocation.size
        if needed > there:
            raise RuntimeError(
                f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize "
                f"{self.dtype.itemsize} requiring a storage size of {needed} are out of bounds for storage of size {there}"
            )
        return self.seen(made)


METHODS = frozenset(
    {
        "select",
        "narrow",
        "unbind",
        "swapaxes",
        "swapdims",
        "movedim",
        "moveaxis",
        "unflatten",
        "broadcast_to",
        "as_strided",
    }
)
"""Names that are functions of `torch` too."""
