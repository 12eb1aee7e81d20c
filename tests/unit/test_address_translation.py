"""What a range of a tensor is on the cubes: the same however often it is asked for, and whoever asked before."""

import pytest

from kernbench.policy import address
from kernbench.policy.address import AddressSpace
from kernbench.policy.placement import GRANULE, Geometry, Interleaved, Local
from kernbench.policy.sharding import Replicated

GEOMETRY = Geometry(cubes=4, slices_per_cube=2, slice_bytes=2**24)


def rows(allocation, count=8, first=0):
    return tuple((allocation.address + first + row * GRANULE + row, 64) for row in range(count))


def test_a_translation_is_made_once_and_later_ranges_leave_it_as_it_is():
    space = AddressSpace(GEOMETRY)
    tensor = space.allocate("a", 2**16, Interleaved())
    parts = space.translate(rows(tensor), near=(0, 0))
    space.allocate("b", 2**16, Local())
    assert space.translate(rows(tensor), near=(3, 1)) is parts
    assert parts == AddressSpace.translate(_alike(space), rows(tensor))


def test_of_copies_everybody_gets_the_near_one_whoever_asked_first():
    space = AddressSpace(GEOMETRY)
    plain = space.allocate("a", 2**16, Interleaved())
    before = space.translate(rows(plain), near=(0, 0))
    copies = space.allocate("b", 2**16, Replicated(cubes=(1, 2)))
    assert [part.cube for part in space.translate(rows(copies), near=(1, 0))] == [1]
    assert [part.cube for part in space.translate(rows(copies), near=(2, 0))] == [2]
    assert space.translate(rows(plain), near=(2, 0)) == before


def test_what_is_kept_is_bounded_and_a_huge_range_is_not_kept(monkeypatch):
    monkeypatch.setattr(address, "_REMEMBERED", 16)
    space = AddressSpace(GEOMETRY)
    tensor = space.allocate("a", 2**18, Interleaved())
    small = space.translate(rows(tensor))
    huge = ((tensor.address, 2**18),)
    assert space.translate(huge) == space.translate(huge)
    assert space.translate(huge) is not space.translate(huge)
    assert space.translate(rows(tensor)) is small
    for first in range(0, 2**14, 64):
        space.translate(rows(tensor, first=first))
    assert space.translate(rows(tensor)) == small


@pytest.mark.parametrize("near", [(0, 0), (3, 0)])
def test_a_range_outside_is_refused_every_time(near):
    space = AddressSpace(GEOMETRY)
    tensor = space.allocate("a", 64, Local())
    for _ in range(2):
        with pytest.raises(Exception, match="outside every tensor"):
            space.translate(((tensor.address, 65),), near)


def _alike(space):
    other = AddressSpace(GEOMETRY)
    other.copy(space)
    return other
