"""Where bytes live: physical addresses, and the virtual ranges that kernels see."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

from kernbench.common.errors import SimulationError, UsageError
from kernbench.common.messages.memory import Segment
from kernbench.common.ops import Runs
from kernbench.common.units import format_size
from kernbench.policy.addends import Addends
from kernbench.policy.placement import Geometry, Near, Piece, Placement
from kernbench.policy.sharding import Replicated

_OFFSET_BITS, _SLICE_BITS, _CUBE_BITS = 40, 8, 8
_ALIGN = 2**16
_FIRST_ADDRESS = 2**32
_REMEMBERED = 2**14
"""Segments of translations that are kept: programs of a kernel load the same tiles again and again."""


class PhysAddr(msgspec.Struct, frozen=True, order=True):
    """A byte of memory: SIP, cube, slice and offset in the slice."""

    sip: int
    cube: int
    slice: int
    offset: int

    def pack(self) -> int:
        """One integer: sip, cube (8 bits), slice (8 bits), offset (40 bits)."""
        return ((self.sip << _CUBE_BITS | self.cube) << _SLICE_BITS | self.slice) << _OFFSET_BITS | self.offset

    @classmethod
    def unpack(cls, packed: int) -> "PhysAddr":
        """Undo `pack`."""
        offset = packed & (1 << _OFFSET_BITS) - 1
        packed >>= _OFFSET_BITS
        piece = packed & (1 << _SLICE_BITS) - 1
        packed >>= _SLICE_BITS
        return cls(packed >> _CUBE_BITS, packed & (1 << _CUBE_BITS) - 1, piece, offset)


class Part(msgspec.Struct, frozen=True):
    """What one cube's controller does for a transfer: segments in order of address."""

    cube: int
    segments: tuple[Segment, ...]
    size: int


class Allocation(msgspec.Struct, frozen=True):
    """A contiguous virtual range and where its units lie: `offsets[s]` is its first byte in slice number s."""

    name: str
    address: int
    size: int
    placement: Placement
    offsets: tuple[int, ...]

    def pieces_near(self, place: Near, geometry: Geometry) -> Callable[[int, int], Iterable[Piece]]:
        """What gives the pieces of a range, (start, bytes): of copies the one in the cube, of addends the own one."""
        placement, offsets = self.placement, self.offsets
        if isinstance(placement, Replicated):
            return lambda start, size: placement.copy(place[0], start, size, offsets, geometry)
        if isinstance(placement, Addends):
            return lambda start, size: placement.near(place, start, size, offsets, geometry)
        return lambda start, size: placement.pieces(start, size, offsets, geometry)


class AddressSpace:
    """The virtual ranges of one SIP: aligned, never reused, with a guard gap between them.

    A slice number counts over the whole SIP in cube-major order.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self._free_offset = [0] * geometry.slices
        self._starts: list[int] = []
        self._allocations: list[Allocation] = []
        self._next = _FIRST_ADDRESS
        self._translated: dict[tuple[Runs, Near | None], tuple[Part, ...]] = {}
        self._remembered = 0
        self._is_near = False

    def allocate(self, name: str, size: int, placement: Placement) -> Allocation:
        """Reserve `size` bytes; raises UsageError when a slice is full."""
        needs = placement.reserve(size, self.geometry)
        offsets = tuple(self._free_offset)
        for number, need in needs.items():
            if self._free_offset[number] + need > self.geometry.slice_bytes:
                raise UsageError(
                    f"{name}: {format_size(size)} do not fit: slice {number} holds {format_size(self.geometry.slice_bytes)}; "
                    "make the tensors smaller or sip.cube.hbm_ctrl.capacity_bytes larger"
                )
            self._free_offset[number] += need
        allocation = Allocation(name, self._next, size, placement, offsets)
        self._starts.append(self._next)
        self._allocations.append(allocation)
        self._is_near |= isinstance(placement, Replicated | Addends)
        self._next += -(-(size + 1) // _ALIGN) * _ALIGN + _ALIGN
        return allocation

    @property
    def free_bytes(self) -> int:
        """What no range has reserved, over all slices."""
        return self.geometry.slices * self.geometry.slice_bytes - sum(self._free_offset)

    def copy(self, other: "AddressSpace") -> None:
        """Take over the ranges of another space of the same geometry; what either allocates later is its own."""
        self._free_offset = [*other._free_offset]  # noqa: SLF001  # of its own class
        self._starts = [*other._starts]  # noqa: SLF001  # of its own class
        self._allocations = [*other._allocations]  # noqa: SLF001  # of its own class
        self._next = other._next  # noqa: SLF001  # of its own class
        self._is_near = other._is_near  # noqa: SLF001  # of its own class
        self._translated, self._remembered = {}, 0

    def find(self, address: int, size: int) -> Allocation:
        """Find the allocation that holds a range; anything else is an access outside every tensor."""
        at = bisect_right(self._starts, address) - 1
        if at >= 0:
            allocation = self._allocations[at]
            if address + size <= allocation.address + allocation.size:
                return allocation
        raise SimulationError(
            f"access to {size} bytes at address {address:#x} is outside every tensor", where="address"
        )

    def translate(self, runs: Runs, near: Near = (0, 0)) -> tuple[Part, ...]:
        """Split runs of (address, bytes) into one part per cube, cubes in order of first use.

        Of a tensor with copies it is the copy in the cube of `near`, if there is one, of addends that of `near`.
        """
        # Ranges never move, and only copies and addends depend on who asks.
        key = runs, near if self._is_near else None
        known = self._translated.get(key)
        if known is not None:
            return known
        segments: dict[int, list[Segment]] = {}
        position = first = last = 0
        for address, size in runs:
            if address < first or address + size > last:
                allocation = self.find(address, size)
                pieces = allocation.pieces_near(near, self.geometry)
                first, last = allocation.address, allocation.address + allocation.size
            position = self._collect(pieces(address - first, size), position, segments)
        parts = _parts(segments)
        self._remember(key, parts)
        return parts

    def _remember(self, key: tuple[Runs, Near | None], parts: tuple[Part, ...]) -> None:
        count = sum(len(part.segments) for part in parts)
        if count > _REMEMBERED:
            return
        self._remembered += count
        if self._remembered > _REMEMBERED:
            self._translated.clear()
            self._remembered = count
        self._translated[key] = parts

    def everywhere(self, runs: Runs, near: Near = (0, 0)) -> tuple[Part, ...]:
        """The same for a write: it goes to every copy, so that parts of different cubes may hold the same bytes."""
        segments: dict[int, list[Segment]] = {}
        position = 0
        for address, size in runs:
            allocation = self.find(address, size)
            start, placement = address - allocation.address, allocation.placement
            if isinstance(placement, Replicated):
                for cube in placement.cubes:
                    self._collect(
                        placement.copy(cube, start, size, allocation.offsets, self.geometry), position, segments
                    )
            else:
                self._collect(allocation.pieces_near(near, self.geometry)(start, size), position, segments)
            position += size
        return _parts(segments)

    def once(self, runs: Runs, near: Near = (0, 0)) -> tuple[Part, ...]:
        """The same for an atomic access, which has one place: a tensor with copies is refused."""
        for address, size in runs:
            allocation = self.find(address, size)
            if isinstance(allocation.placement, Replicated):
                raise SimulationError(
                    f"an atomic access to {allocation.name}, which each of its cubes has a copy of, has no one place; "
                    "place the tensor otherwise",
                    where="address",
                )
        return self.translate(runs, near)

    def _collect(self, pieces: Iterable[Piece], position: int, segments: dict[int, list[Segment]]) -> int:
        """Add pieces to their cubes' segments: the position behind them."""
        each = self.geometry.slices_per_cube
        for number, offset, length in pieces:
            cube, piece = divmod(number, each)
            found = segments.get(cube)
            if found is None:
                found = segments[cube] = []
            found.append(Segment(piece, offset, length, position))
            position += length
        return position


def _parts(segments: dict[int, list[Segment]]) -> tuple[Part, ...]:
    return tuple(
        Part(cube, tuple(listed), sum(segment.length for segment in listed)) for cube, listed in segments.items()
    )
