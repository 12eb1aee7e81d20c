"""Where the bytes of a sharded or replicated tensor lie, and what time that takes."""

import numpy as np
import pytest

import kernbench.triton_emu.language as tl
from kernbench.common.errors import KernelError, RankError, SimulationError, UsageError
from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.triton_emu.jit import jit

MESH = ("sip.cube_mesh=2x2", "sip.cube.pes=1")


@jit
def copy(x_ptr, y_ptr, SIZE: tl.constexpr):
    """Program p, which runs on the PE of cube p, copies its part."""
    at = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    tl.store(y_ptr + at, tl.load(x_ptr + at))


@jit
def read(x_ptr, y_ptr, SIZE: tl.constexpr):
    """Every program reads all of x; each stores its own line of y."""
    at = tl.arange(0, SIZE)
    tl.store(y_ptr + tl.program_id(0) * SIZE + at, tl.load(x_ptr + at))


@jit
def count(x_ptr):
    tl.atomic_add(x_ptr, 1)


def cubes_of(tensor):
    """[cube, bytes] of a tensor's bytes in order of address, neighbours joined."""
    rank, runs = tensor._rank, []
    for offset in range(0, tensor.nbytes, 4):
        (part,) = rank.space.translate(((tensor.data_ptr() + offset, 4),))
        if runs and runs[-1][0] == part.cube:
            runs[-1][1] += 4
        else:
            runs.append([part.cube, 4])
    return runs


def sharded(torch, *, shape: str = "8", dim: int = 0, over: str = "cubes"):
    extents = tuple(int(each) for each in shape.split("x"))
    data = np.arange(np.prod(extents), dtype=np.float32).reshape(extents)
    x = torch.from_numpy(data, placement=torch.Shard(dim, over))
    same = bool((x.numpy() == data).all() and (x.peek() == data).all() and ((x + x).numpy() == data + data).all())
    return torch.Row({"cubes": cubes_of(x), "same": same}, 0, 0)


@pytest.mark.parametrize(
    ("shape", "dim", "runs"),
    [
        ("8", 0, [[0, 8], [1, 8], [2, 8], [3, 8]]),
        ("6x3", 0, [[0, 24], [1, 24], [2, 24]]),
        ("5", 0, [[0, 8], [1, 8], [2, 4]]),
        ("2x8", 1, [[0, 8], [1, 8], [2, 8], [3, 8]] * 2),
        ("2x5x2", -2, [[0, 16], [1, 16], [2, 8]] * 2),
    ],
)
def test_a_shard_lies_in_its_cube_and_is_cut_as_torch_chunk_cuts(sim, shape, dim, runs):
    (row,) = sim(sips=1, overrides=MESH).run(sharded, shape=shape, dim=dim).rows
    assert (row.columns["cubes"], row.columns["same"]) == (runs, True)


def contiguous(torch):
    """Column shards of a matrix: the second row of a shard follows its first."""
    x = torch.empty(4, 2048, placement=torch.Shard(1))
    starts = []
    for row in range(2):
        (part,) = x._rank.space.translate(((x.data_ptr() + 4 * (row * 2048 + 512), 2048),))
        starts.append([[part.cube, each.slice, each.offset] for each in part.segments])
    return torch.Row({"starts": starts}, 0, 0)


def test_the_rows_of_a_shard_follow_each_other_in_its_cube(sim):
    (row,) = sim(sips=1, overrides=MESH).run(contiguous).rows
    (first,), (second,) = row.columns["starts"]
    assert (first[:2], second) == ([1, 0], [1, 0, first[2] + 2048])


def test_shards_over_pes_lie_in_the_cubes_of_the_pes(sim):
    overrides = ("sip.cube_mesh=2x1", "sip.cube.pes=2")
    (row,) = sim(sips=1, overrides=overrides).run(sharded, shape="4x1024", over="pes").rows
    assert (row.columns["cubes"], row.columns["same"]) == ([[0, 8192], [1, 8192]], True)


def timed(torch, *, placement: str = "shard"):
    """Device time of reading 16 KiB on each of four PEs; nobody has written them, so no other bytes move."""
    rank, size = torch._rank, 4096
    x = torch.empty(size, placement=torch.Local() if placement == "local" else torch.Replicate())
    y = torch.empty(4 * size, placement=torch.Shard(0))
    kernel = copy if placement == "shard" else read
    done = rank.call(KernelLaunchMsg(kernel.launch((4,), y if kernel is copy else x, y, size), tuple(rank.pes)))
    return torch.Row({}, done.device_start, done.device_end)


def reading(sim, placement):
    """(time of the kernel in fs, bytes that crossed from cube to cube)."""
    result = sim(sips=1, overrides=MESH).run(timed, placement=placement)
    crossed = sum(link.bytes_in for link in result.links if link.name.count("ucie") == 2 and "io." not in link.name)
    return result.rows[0].time, crossed


def test_shards_and_copies_are_read_in_the_own_cube_and_one_place_is_not(sim):
    """Launches and their answers are the 256 bytes that cross anyway; from cube 0 the others are 1, 1 and 2 crossings."""
    crossings = 4 * (16384 + 32)
    assert [reading(sim, each) for each in ("shard", "copies", "local")] == [
        (185_310_001, 256),
        (185_310_001, 256),
        (454_630_001, 256 + crossings),
    ]


def written(torch):
    """A kernel writes a replicated tensor: every cube's copy has the bytes."""
    x = torch.from_numpy(np.arange(64, dtype=np.float32))
    y = torch.empty(64, placement=torch.Replicate())
    copy[(1,)](x, y, SIZE=64)
    space, rank = y._rank.space, y._rank
    copies = []
    for cube in range(4):
        (part,) = space.translate(((y.data_ptr(), y.nbytes),), (cube, 0))
        copies.append(
            [part.cube, rank._memories[cube].read(part.segments) == np.arange(64, dtype=np.float32).tobytes()]
        )
    return torch.Row({"copies": copies}, 0, 0)


def test_a_write_reaches_every_copy(sim):
    (row,) = sim(sips=1, overrides=MESH).run(written).rows
    assert row.columns["copies"] == [[cube, True] for cube in range(4)]


def refused(torch, *, which: int = 0):
    [
        lambda: torch.empty(4, 4, placement=torch.Shard(2)),
        lambda: torch.empty(4, placement=torch.Shard(0, "sips")),
        lambda: count[(1,)](torch.empty(4, dtype=torch.int32, placement=torch.Replicate())),
    ][which]()


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (0, r"Shard\(2\): a tensor of shape \(4, 4\) has dims 0 to 1"),
        (1, "a placement over 'sips': there are cubes, pes"),
        (2, "which each of its cubes has a copy of, has no one place"),
    ],
)
def test_a_placement_that_cannot_be_is_refused(sim, which, words):
    with pytest.raises((UsageError, RankError, SimulationError, KernelError), match=words):
        sim(sips=1, overrides=MESH).run(refused, which=which)
