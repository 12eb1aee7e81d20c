"""torch.distributed as a program sees it: groups, messages, work under way, lists, and calls that do not agree."""

import re
import subprocess
import sys

import pytest

from actors.simulation import Simulation
from kernbench.common.errors import DeadlockError, RankError, SimulationError, UsageError
from kernbench.runtime_api.reduce_op import ReduceOp, name_of

SMALL = ("sip.cube_mesh=1x1",)


def run(bench, sips=4, workers=1, **options):
    return Simulation(sips=sips, workers=workers, overrides=SMALL, **options).run(bench)


def reads(result):
    return [report.rows[0]["reads"] for report in result.reports]


def overlapping_groups(torch):
    """Each rank makes the groups in another order; rank r is in {0, 1}, {1, 2}, {2, 3} and {0, 3} as it comes."""
    dist = torch.distributed
    dist.init_process_group()
    me = dist.get_rank()
    pairs = [(0, 1), (1, 2), (2, 3), (3, 0)]
    groups = {pair: dist.new_group(pair) for pair in pairs[me:] + pairs[:me]}
    got = []
    for pair in pairs:
        x = torch.full((100,), 10**me)
        if me in pair:
            dist.all_reduce(x, group=groups[pair])
            assert dist.get_rank(groups[pair]) == sorted(pair).index(me)
        got.append(int(x.numpy()[99]))
    return torch.Row({"reads": got}, 0, 0)


def with_a_backend(torch):
    torch.distributed.init_process_group("nccl")
    x = torch.ones(4)
    torch.distributed.all_reduce(x)
    assert x.tolist() == [2.0] * 4


def test_torch_s_first_argument_of_init_process_group_is_a_backend_and_means_nothing_here():
    assert run(with_a_backend, sips=2).sim_time > 0


@pytest.mark.parametrize("workers", [1, 2])
def test_groups_that_overlap_are_made_in_any_order(workers):
    assert reads(run(overlapping_groups, workers=workers)) == [
        [11, 1, 1, 1001],
        [11, 110, 10, 10],
        [100, 110, 1100, 100],
        [1000, 1000, 1100, 1001],
    ]


def twice_the_same(torch):
    dist = torch.distributed
    dist.init_process_group()
    first, second = dist.new_group([0, 1]), dist.new_group([1, 0])
    return torch.Row({"reads": first is None or first.name != second.name}, 0, 0)


def test_two_groups_of_the_same_ranks_are_two():
    assert reads(run(twice_the_same, sips=2)) == [True, True]


def neighbours(torch):
    """Send first, then receive, both long enough to fill the queue: neither call waits for the other."""
    dist = torch.distributed
    dist.init_process_group()
    n, me = dist.get_world_size(), dist.get_rank()
    x, y = torch.full((300_000,), me), torch.empty(300_000)
    sent = dist.isend(x, (me + 1) % n)
    received = dist.irecv(y, (me - 1) % n)
    early = received.is_completed()
    polls = 0
    while not received.is_completed():
        polls += 1
    sent.wait()
    return torch.Row({"reads": [early, polls > 0, sorted(set(y.numpy().tolist()))]}, 0, 0)


def test_messages_pass_each_other_and_polling_takes_time():
    assert reads(run(neighbours, sips=3)) == [[False, True, [float(rank)]] for rank in (2, 0, 1)]


def blocking_pair(torch):
    dist = torch.distributed
    dist.init_process_group()
    x = torch.arange(6, dtype=torch.int32)
    if dist.get_rank() == 0:
        dist.send(x, 1)
        dist.recv(x, 1)
    else:
        y = torch.zeros(6, dtype=torch.int32)
        dist.recv(y, 0)
        dist.send(y * y, 0)
    return torch.Row({"reads": x.tolist()}, 0, 0)


def test_a_message_goes_there_and_an_answer_comes_back():
    assert reads(run(blocking_pair, sips=2))[0] == [0, 1, 4, 9, 16, 25]


def lists(torch):
    """Lists of tensors, as torch has them."""
    dist = torch.distributed
    dist.init_process_group(algo="direct")
    n, me = dist.get_world_size(), dist.get_rank()
    gathered = [torch.empty(2) for _ in range(n)]
    dist.all_gather(gathered, torch.full((2,), me))
    mine = torch.empty(2)
    dist.reduce_scatter(mine, [torch.full((2,), 10 * me + part) for part in range(n)])
    crossed = [torch.empty(2) for _ in range(n)]
    dist.all_to_all(crossed, [torch.full((2,), 10 * me + part) for part in range(n)])
    collected = [torch.empty(2) for _ in range(n)] if me == 1 else None
    dist.gather(torch.full((2,), me), collected, 1)
    part = torch.empty(2)
    dist.scatter(part, [torch.full((2,), each) for each in range(n)] if me == 2 else None, 2)
    first = [[int(each.numpy()[1]) for each in many or []] for many in (gathered, [mine], crossed, collected, [part])]
    return torch.Row({"reads": first}, 0, 0)


def test_lists_of_tensors_are_filled_as_in_torch():
    assert reads(run(lists, sips=3)) == [
        [[0, 1, 2], [30], [0, 10, 20], [], [0]],
        [[0, 1, 2], [33], [1, 11, 21], [0, 1, 2], [1]],
        [[0, 1, 2], [36], [2, 12, 22], [], [2]],
    ]


def under_way(torch):
    """An all-reduce under way while the program fills another tensor; then both are right."""
    dist = torch.distributed
    dist.init_process_group()
    x, other = torch.ones(5000), torch.empty(10)
    work = dist.all_reduce(x, async_op=True)
    other.copy_(torch.arange(10).to(torch.float32))
    return torch.Row({"reads": [work.wait(), work.is_completed(), bool(x.numpy()[0] == 3.0)]}, 0, 0)


def test_work_under_way_is_waited_for():
    assert reads(run(under_way, sips=3)) == [[True] * 3] * 3


def sizes_differ(torch):
    dist = torch.distributed
    dist.init_process_group(algo="halving_doubling")
    dist.all_reduce(torch.empty(1000 + dist.get_rank()))


def messages_differ(torch):
    dist = torch.distributed
    dist.init_process_group()
    x = torch.empty(100 + dist.get_rank())
    dist.recv(x, 1) if dist.get_rank() == 0 else dist.send(x, 0)


@pytest.mark.parametrize(
    ("bench", "words"),
    [
        (sizes_differ, ("all_reduce(sum, 1000 x float32", "all_reduce(sum, 1001 x float32", "of group world")),
        (messages_differ, ("100 x float32", "101 x float32")),
    ],
)
def test_calls_that_do_not_agree_name_both_callers(bench, words):
    with pytest.raises(SimulationError) as caught:
        run(bench, sips=2)
    text = str(caught.value)
    sites = re.findall(rf"called by rank (\d) at {re.escape(__file__)}:\d+", text)
    assert ([word in text for word in words], sorted(sites)) == ([True] * len(words), ["0", "1"])


def one_leaves(torch):
    dist = torch.distributed
    dist.init_process_group()
    group = dist.new_group([0, 2])
    if dist.get_rank() == 0:
        dist.all_reduce(torch.empty(777), "max", group=group)


def test_a_collective_that_others_never_call_is_named_with_its_ranks_and_sizes():
    with pytest.raises(DeadlockError) as caught:
        run(one_leaves, sips=3)
    text = "\n".join(caught.value.waiters)
    words = ("all_reduce(max, 777 x float32, ring)", "(ranks 0 2)", "called by rank 0 at", __file__)
    assert [word in text for word in words] == [True] * 4


def test_a_missing_rank_ends_the_command_with_exit_3(tmp_path):
    """What a user sees: ranks, group, operation and sizes, and nothing else goes on."""
    (tmp_path / "leaves.py").write_text(
        "def bench(torch):\n"
        "    dist = torch.distributed\n"
        "    dist.init_process_group()\n"
        "    if dist.get_rank() == 0:\n"
        "        dist.reduce_scatter(torch.empty(333), torch.empty(666), 'min')\n"
    )
    command = [sys.executable, "-m", "kernbench", "run", "leaves.py", "--sips", "2", "--workers", "1", "--no-record"]
    ended = subprocess.run([*command, "--set", SMALL[0]], cwd=tmp_path, capture_output=True, text=True, check=False)
    words = ("reduce_scatter(min, 333 x float32, ring)", "of group world", "(ranks 0 1)", "rank 0 at", "leaves.py:5")
    assert (ended.returncode, [word in ended.stderr for word in words]) == (3, [True] * 5), ended.stderr


def every_collective(torch):
    """Each call of the host API once, asynchronous or not, in a group of two and in the world."""
    dist = torch.distributed
    dist.init_process_group(algo="direct")
    me, n = dist.get_rank(), dist.get_world_size()
    pair = dist.new_group([0, 2])
    got = {}
    for op in ("sum", "max", "min", "prod", "avg"):
        x = torch.full((3,), me + 1)
        dist.all_reduce(x, op, async_op=True).wait()
        got[op] = x.numpy()[0].item()
    x = torch.full((2,), me)
    dist.broadcast(x, 1)
    got["broadcast"] = x.tolist()
    x = torch.full((2,), me + 1)
    dist.reduce(x, 2)
    got["reduce"] = x.tolist()
    y = torch.empty(n)
    dist.all_gather_into_tensor(y, torch.full((1,), 10 * me))
    got["all_gather"] = y.tolist()
    y = torch.empty(1)
    dist.reduce_scatter_tensor(y, torch.arange(n).to(torch.float32), dist.ReduceOp.MAX)
    got["reduce_scatter"] = y.tolist()
    y = torch.empty(n)
    dist.all_to_all_single(y, torch.arange(n).to(torch.float32) + 10 * me)
    got["all_to_all"] = y.tolist()
    x = torch.full((1,), me)
    work = dist.all_reduce(x, group=pair, async_op=True)
    got["pair"] = [work.wait(), x.tolist()]
    dist.barrier(async_op=True).wait()
    return torch.Row({"reads": got}, 0, 0)


def test_every_call_of_the_host_api_gives_what_torch_gives():
    for me, got in enumerate(reads(run(every_collective, sips=3))):
        assert [got[op] for op in ("sum", "max", "min", "prod", "avg")] == [6, 3, 1, 6, 2]
        assert got["broadcast"] == [1, 1]
        assert got["reduce"] == ([6, 6] if me == 2 else [me + 1] * 2)
        assert (got["all_gather"], got["reduce_scatter"]) == ([0, 10, 20], [me])
        assert got["all_to_all"] == [me, 10 + me, 20 + me]
        assert got["pair"] == [True, [1 if me == 1 else 2]]  # rank 1 is in no pair: its call does nothing


def wrong_call(torch, *, which: int = 0):
    dist = torch.distributed
    if which == 0:
        dist.all_reduce(torch.empty(4))
    dist.init_process_group(algo="tree" if which == 1 else "ring")
    x = torch.empty(4)
    [
        lambda: None,
        lambda: dist.all_gather(torch.empty(8), x),
        lambda: dist.all_gather(torch.empty(9), x),
        lambda: dist.all_reduce(x, "xor"),
        lambda: dist.all_reduce(torch.empty(4, 4).t()),
        lambda: dist.reduce_scatter(torch.empty(2, dtype=torch.int32), x),
        lambda: dist.send(x, 7),
        lambda: dist.broadcast(x, 5),
        lambda: dist.new_group([0, 9]),
        lambda: dist.gather(x, None, dist.get_rank()),
        lambda: dist.all_reduce(x, dist.ReduceOp.BAND),
    ][which]()


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (0, "call init_process_group first"),
        (1, r"all_gather: the algorithm tree does not offer it \(it offers all_reduce, broadcast, reduce\)"),
        (2, "the output has 9 elements, not the same number for each of 2 members"),
        (3, "unknown op 'xor'; there are sum, prod, max, min, avg"),
        (4, "the input is not contiguous"),
        (5, "the input is float32, the output int32"),
        (6, "rank . of 2 has no peer 7"),
        (7, "rank 5 is not in the group of ranks 0 1"),
        (8, "ranks are 0 to 1"),
        (9, "gives an output for what it collects"),
        (10, "unknown op 'band'; there are sum, prod, max, min, avg"),
    ],
)
def test_a_call_that_cannot_be_is_refused_with_the_reason(which, words):
    with pytest.raises((UsageError, RankError), match=words):
        Simulation(sips=2, overrides=SMALL).run(wrong_call, which=which)


def test_operations_have_torch_s_names_and_numbers():
    names = ["SUM", "AVG", "PRODUCT", "MIN", "MAX", "BAND", "BOR", "BXOR", "PREMUL_SUM"]
    assert [(each.name, int(each)) for each in ReduceOp] == [(name, at) for at, name in enumerate(names)]
    assert (ReduceOp.SUM, str(ReduceOp.PRODUCT)) == ("sum", "prod")


@pytest.mark.parametrize("name", ["SUM", "AVG", "PRODUCT", "MIN", "MAX", "BAND", "UNUSED"])
def test_an_operation_of_an_installed_torch_is_known_by_its_name(name):
    class RedOpType:
        def __str__(self):
            return f"RedOpType.{name}"

    assert name_of(RedOpType()) == (ReduceOp[name].value if name in ReduceOp.__members__ else "RedOpType.UNUSED")
    assert (name_of("sum"), name_of(ReduceOp.MAX)) == ("sum", "max")
