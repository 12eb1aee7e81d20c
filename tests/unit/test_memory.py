"""The bytes of a cube: pages held in common stay each memory's own to write."""

from kernbench.common.messages.memory import Segment
from kernbench.components.memory import PAGE, Memory
from kernbench.runtime_api.distribution import Replicate


def segment(offset, length, piece=0):
    return Segment(piece, offset, length, 0)


def pages(memory):
    return {id(page) for page in memory._pages.values()}


def test_equal_pages_are_held_once_and_a_write_reaches_one_memory_alone():
    one, other = Memory(), Memory()
    place = (segment(PAGE - 2, 4),)
    for memory in (one, other):
        memory.write(place, b"abcd")
    other.alike(one, place)
    assert pages(one) == pages(other)
    one.write((segment(PAGE - 1, 1),), b"X")
    other.write((segment(PAGE, 1),), b"Y")
    assert (one.read(place), other.read(place)) == (b"aXcd", b"abYd")


def test_pages_that_differ_or_are_elsewhere_are_left_alone():
    one, other = Memory(), Memory()
    one.write((segment(0, 2), segment(PAGE, 2)), b"abcd")
    other.write((segment(0, 2), segment(PAGE, 2, piece=1)), b"aXcd")
    other.alike(one, (segment(0, 2), segment(PAGE, 2, piece=1)))
    assert not pages(one) & pages(other)
    assert other.read((segment(0, 2), segment(PAGE, 2, piece=1))) == b"aXcd"


def test_copies_of_a_tensor_take_the_space_of_one(sim):
    assert sim(sips=1, overrides=["cube_mesh=2x2"]).run(copies).stopped == ""


def copies(torch):
    """A bench: a matrix copied to four cubes, poked; then a kernel writes to all copies."""
    x = torch.empty(256, 256, placement=Replicate())
    data = bytes(range(256)) * (x.nbytes // 256)
    rank = x._rank
    rank.poke(x.data_ptr(), data)
    held = [pages(memory) for memory in rank._memories]
    assert len(set.union(*held)) == len(held[0])
    assert rank.peek(x.data_ptr(), x.nbytes) == data
    x.zero_()
    assert rank.peek(x.data_ptr(), x.nbytes) == bytes(x.nbytes)
    return torch.Row({}, 0, 0)
