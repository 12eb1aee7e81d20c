"""Every collective x algorithm x number of ranks x type x odd size: right values, and the bits of the declared order."""

from collections import defaultdict, deque

import numpy as np
import pytest

from kernbench.runtime_api.collectives import ALGORITHMS, collectives_of
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.collectives.schedule import Team
from kernbench.runtime_api.group import plan_of

SMALL = ("sip.cube_mesh=1x1", "sip.cube.pe.ipcq.slot_bytes=1KiB")
EPSILON = {"float32": 2.0**-23, "bfloat16": 2.0**-7}
OPERATIONS = {"sum": np.add, "avg": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def noise(rank, count, kind, small):
    """What rank `rank` puts in: small integers, or values whose sum depends on the order of addition."""
    generator = np.random.default_rng((rank, count))
    if small:
        return generator.integers(0, 4, count).astype(kind)
    if np.dtype(kind).kind == "i":
        return generator.integers(-(2**31), 2**31, count).astype(kind)
    return (generator.standard_normal(count) * 2.0 ** generator.integers(-4, 5, count)).astype(kind)


def inputs(kind, world, count, dtype, small):
    blocks = world if KINDS[kind].inputs == "all" else 1
    return [noise(rank, blocks * count, dtype, small) for rank in range(world)]


def mean(total, world):
    """The one division of avg, in float32 (integers toward zero)."""
    if total.dtype.kind == "i":
        return (np.sign(total) * (np.abs(total) // world)).astype(total.dtype)
    return (total.astype(np.float32) / np.float32(world)).astype(total.dtype)


def expected(kind, data, world, count, op, root):
    """What numpy says each rank ends with (None: it keeps what it had)."""
    reduced = None
    if KINDS[kind].reduces:
        reduced = data[0]
        for other in data[1:]:
            reduced = OPERATIONS[op](reduced, other)
        reduced = mean(reduced, world) if op == "avg" else reduced
    parts = [slice(rank * count, (rank + 1) * count) for rank in range(world)]
    everything = np.concatenate(data)
    return {
        "all_reduce": lambda r: reduced,
        "all_gather": lambda r: everything,
        "reduce_scatter": lambda r: reduced[parts[r]],
        "all_to_all": lambda r: np.concatenate([each[parts[r]] for each in data]),
        "broadcast": lambda r: data[root],
        "reduce": lambda r: reduced if r == root else None,
        "gather": lambda r: everything if r == root else None,
        "scatter": lambda r: data[root][parts[r]],
    }[kind]


def replay(kind, algo, data, world, count, op, root, cut):
    """Carry out the declared order with numpy: each rank's schedule, message by message."""
    plan = plan_of(algo, kind, Team(world), root)
    blocked = KINDS[kind].blocked
    shift = [
        {"x": rank * count * (blocked and KINDS[kind].inputs == "one"), "z": 0,
         "y": rank * count * (blocked and KINDS[kind].outputs == "one")}
        for rank in range(world)
    ]  # fmt: skip
    whole = count * (world if blocked else 1)
    out = [
        {"x": data[r].copy(), "z": np.zeros(whole, data[r].dtype),
         "y": np.zeros(whole if KINDS[kind].outputs == "all" else count, data[r].dtype)}
        for r in range(world)
    ]  # fmt: skip
    if kind in ("all_reduce", "broadcast", "reduce"):
        for each in out:
            each["y"] = each["x"]
    queues = defaultdict(deque)

    def member(rank):
        for number in range(cut.rounds):
            for step in plan.steps[rank]:
                for action, start, length in cut.order(step, number):

                    def place(buffer, start=start, length=length):
                        at = start - shift[rank][buffer]
                        return out[rank][buffer][at : at + length]

                    block = None
                    for source in action.sources:
                        queue = queues[source, rank, action.arrives_on]
                        while not queue:
                            yield
                        got = queue.popleft()
                        own = block if block is not None else None if action.load is None else place(action.load)
                        with np.errstate(over="ignore"):
                            block = got if own is None else OPERATIONS[op](got, own).astype(got.dtype)
                    block = place(action.load).copy() if block is None else block
                    if action.finish and op == "avg":
                        block = mean(block, world)
                    if action.store is not None:
                        place(action.store)[:] = block
                    for peer in action.to:
                        queues[rank, peer, action.plane].append(block.copy())

    running = [member(rank) for rank in range(world)]
    for _ in range(100_000):
        running = [each for each in running if next(each, "end") != "end"]
        if not running:
            return [each["y"] for each in out]
    raise AssertionError(f"{algo} {kind} over {world} ranks does not end")


def bench(
    torch, *, algo: str = "ring", kinds: str = "", dtypes: str = "float32", counts: str = "37", small: bool = True
):
    dist = torch.distributed
    dist.init_process_group(algo=algo)
    world, me = dist.get_world_size(), dist.get_rank()
    number = 0
    for kind in kinds.split():
        for name in dtypes.split():
            for count in (int(each) for each in counts.split()):
                number += 1
                dtype = torch.dtype_named(name)
                op = ("sum", "max", "avg", "min", "prod")[number % 5] if KINDS[kind].reduces else ""
                root = number % world if KINDS[kind].rooted else 0
                data = inputs(kind, world, count, dtype.numpy, small)
                x = torch.from_numpy(data[me])
                described = KINDS[kind]
                y = torch.empty(count * (world if described.outputs == "all" else 1), dtype=dtype)
                if kind == "all_reduce":
                    work, y = dist.all_reduce(x, op), x
                elif kind == "reduce_scatter":
                    work = dist.reduce_scatter(y, x, op)
                elif kind in ("all_gather", "all_to_all"):
                    work = getattr(dist, kind)(y, x)
                elif kind == "broadcast":
                    work, y = dist.broadcast(x, root), x
                elif kind == "reduce":
                    work, y = dist.reduce(x, root, op), x
                elif kind == "gather":
                    work = dist.gather(x, y if me == root else None, root)
                else:
                    work = dist.scatter(y, x if me == root else None, root)
                cut = dist.world.cut(kind, algo, count, dtype.itemsize, root)[1]
                columns = {"kind": kind, "op": op, "root": root, "count": count, "small": small, "algo": algo}
                row = torch.Row(columns, work.start, work.end, results=(y,))
                row.cut = cut
                yield row


def verify(torch, row):
    (y,) = row.results
    columns, world, me = row.columns, torch.distributed.get_world_size(), torch.distributed.get_rank()
    kind, op, root, count = columns["kind"], columns["op"], columns["root"], columns["count"]
    data = inputs(kind, world, count, y.dtype.numpy, columns["small"])
    want = expected(kind, data, world, count, op, root)(me)
    if want is None:
        return 0
    declared = replay(kind, columns["algo"], data, world, count, op, root, row.cut)
    seen = y.peek()
    wrong = sum(a != b for a, b in zip(seen.tobytes(), declared[me].tobytes(), strict=True))
    if kind == "all_reduce":
        wrong += any(each.tobytes() != seen.tobytes() for each in declared)
    if columns["small"] or not KINDS[kind].reduces or op in ("max", "min"):
        return wrong + sum(a != b for a, b in zip(seen.tobytes(), want.tobytes(), strict=True))
    if op == "sum" and y.dtype.is_floating():
        wrong += far_off(seen, kind, data, world, count, root, me, EPSILON[y.dtype.name])
    return wrong


def far_off(seen, kind, data, world, count, root, me, epsilon):
    """Elements that are further from the exact sum than (n - 1) eps times the sum of the operands' sizes."""
    exact, size = (
        expected(kind, [change(each.astype(np.float64)) for each in data], world, count, "sum", root)(me)
        for change in (np.asarray, np.abs)
    )
    return int(np.count_nonzero(np.abs(seen.astype(np.float64) - exact) > (world - 1) * epsilon * size))


def run(sim, algo, sips, counts, dtypes, *, small, workers=1):
    kinds = " ".join(collectives_of(algo))
    made = sim(sips=sips, workers=workers, overrides=SMALL)
    return made.run(bench, algo=algo, kinds=kinds, dtypes=dtypes, counts=counts, small=small)


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("sips", [2, 3, 5])
def test_each_collective_of_an_algorithm_gives_the_declared_bits(sim, algo, sips):
    result = run(sim, algo, sips, "1 517", "bfloat16", small=False)
    assert {row.wrong for row in result.rows} == {0}


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_small_integers_are_numpys_over_four_ranks(sim, algo):
    result = run(sim, algo, 4, "3 101", "int32 float32", small=True)
    assert {row.wrong for row in result.rows} == {0}


@pytest.mark.parametrize("algo", ["direct", "halving_doubling"])
def test_the_digest_does_not_depend_on_the_number_of_workers(sim, algo):
    one, two = (run(sim, algo, 3, "37", "float32", small=False, workers=workers) for workers in (1, 2))
    assert (one.wrong, one.digest) == (0, two.digest)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sips", [2, 5, 8])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_no_digest_depends_on_the_number_of_workers(sim, algo, sips):
    one, two = (run(sim, algo, sips, "7 517", "bfloat16", small=False, workers=workers) for workers in (1, 2))
    assert (one.wrong, one.digest) == (0, two.digest)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("sips", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_collective_type_and_odd_size_gives_the_declared_bits(sim, algo, sips, small):
    result = run(sim, algo, sips, "1 7 517 4099", "float32 bfloat16 int32", small=small)
    assert {row.wrong for row in result.rows} == {0}
