"""Values of all-reduce, element by element: types, operations, worlds, fabrics, channels, odd counts."""

import numpy as np
import pytest

SMALL = ("sip.cube_mesh=1x1",)
DTYPES = ("float32", "float16", "bfloat16", "int32")
OPERATIONS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def noise(rank, count, dtype):
    """Values whose sum depends on the order of addition, unless they are integers."""
    generator = np.random.default_rng((rank, count))
    if np.dtype(dtype).kind == "i":
        return generator.integers(-(2**31), 2**31, count).astype(dtype)
    return (generator.standard_normal(count) * 2.0 ** generator.integers(-4, 5, count)).astype(dtype)


def replay(world, count, dtype, op):
    """The declared order: chunk c begins at rank c, and each next rank computes `received op own` in the tensor's type.

    For counts of one round, where chunk c is the c-th share of the elements.
    """
    share = -(-count // world)
    out = np.empty(count, dtype)
    for chunk in range(world):
        part = slice(chunk * share, (chunk + 1) * share)
        total = noise(chunk, count, dtype)[part]
        for step in range(1, world):
            with np.errstate(over="ignore"):
                total = OPERATIONS[op](total, noise((chunk + step) % world, count, dtype)[part]).astype(dtype)
        out[part] = total
    return out


def bench(torch, *, count: int = 1003, dtypes: str = "float32", ops: str = "sum", channels: int = 1):
    dist = torch.distributed
    dist.init_process_group(channels=channels)
    for name in dtypes.split():
        for op in ops.split():
            x = torch.from_numpy(noise(dist.get_rank(), count, torch.dtype_named(name).numpy))
            yield dist.row(dist.all_reduce(x, op), x, op)


def verify(torch, row):
    wrong = 0
    for x in row.results:
        expected = replay(torch.distributed.get_world_size(), x.numel(), x.dtype.numpy, row.columns["redop"])
        wrong += sum(a != b for a, b in zip(x.peek().tobytes(), expected.tobytes(), strict=True))
    return wrong


def integers(torch, *, count: int = 1000, channels: int = 1, op: str = "sum"):
    """Small whole numbers, exact in every type, so that any order gives numpy's own result."""
    dist = torch.distributed
    dist.init_process_group(channels=channels)
    x = torch.from_numpy((np.arange(count) % 5 + dist.get_rank()).astype(np.float32))
    dist.barrier()
    work = dist.all_reduce(x, op)
    expected = OPERATIONS[op].reduce(
        [(np.arange(count) % 5 + r).astype(np.float32) for r in range(dist.get_world_size())]
    )
    return torch.Row({"differ": int(np.count_nonzero(x.numpy() != expected))}, work.start, work.end)


def differ(result):
    return [report.rows[0]["differ"] for report in result.reports]


@pytest.mark.parametrize(("sips", "count"), [(2, 1003), (3, 1003), (4, 515), (5, 515), (8, 259)])
def test_every_type_and_operation_gives_the_bits_of_the_declared_order(sim, sips, count):
    result = sim(sips=sips, overrides=SMALL).run(bench, count=count, dtypes=" ".join(DTYPES), ops=" ".join(OPERATIONS))
    assert ([row.wrong for row in result.rows], len(result.reports)) == ([0] * 16, sips)


@pytest.mark.parametrize(("kind", "sips"), [("ring", 6), ("full", 4), ("switch", 4), ("mesh2d", 4), ("mesh2d", 6)])
def test_every_fabric_carries_the_same_values(sim, kind, sips):
    result = sim(sips=sips, overrides=(*SMALL, f"fabric.kind={kind}")).run(integers, count=4099)
    assert differ(result) == [0] * sips


@pytest.mark.parametrize("channels", [2, 3])
def test_channels_share_the_elements_without_a_gap(sim, channels):
    assert differ(sim(sips=3, overrides=SMALL).run(integers, count=5003, channels=channels)) == [0, 0, 0]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_fewer_elements_than_ranks_are_reduced(sim, count):
    assert differ(sim(sips=4, overrides=SMALL).run(integers, count=count)) == [0] * 4


def test_more_than_a_round_of_chunks_is_reduced(sim):
    """Half of 8 slots of 1 KiB hold a chunk of 1,024 elements: 3 ranks need four rounds for 10,000."""
    small = (*SMALL, "sip.cube.pe.ipcq.slot_bytes=1KiB")
    assert differ(sim(sips=3, overrides=small).run(integers, count=10_000)) == [0, 0, 0]


def test_one_rank_reduces_with_itself(sim):
    assert differ(sim(sips=1, overrides=SMALL).run(integers)) == [0]


@pytest.mark.kernbench(sips=4, workers=2)
def test_values_cross_processes_unchanged(sim):
    result = sim(overrides=SMALL).run(bench, count=2051, dtypes="bfloat16 float32", ops="sum")
    assert [row.wrong for row in result.rows] == [0, 0]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_sixty_four_ranks_reduce_a_mebibyte(sim):
    assert sim(sips=64, overrides=SMALL).run("allreduce", sizes="1MiB").wrong == 0
