"""Groups as torch has them: who is in one, what a rank outside may call, batches of messages, objects of the host."""

import pytest

from actors.simulation import Simulation
from kernbench.common.errors import UsageError

SMALL = ("sip.cube_mesh=1x1",)


def run(bench, sips=3, **options):
    return Simulation(sips=sips, overrides=SMALL, **options).run(bench)


def reads(result):
    return [report.rows[0]["reads"] for report in result.reports]


def membership(torch):
    dist = torch.distributed
    before = [dist.is_initialized(), dist.group.WORLD is None]
    dist.init_process_group(backend="gloo")
    pair = dist.new_group([0, 2])
    me = dist.get_rank()
    outside = pair is dist.GroupMember.NON_GROUP_MEMBER
    got = {
        "before": before,
        "backend": dist.get_backend(),
        "world": dist.get_process_group_ranks(dist.group.WORLD),
        "outside": outside,
        "places": [dist.get_rank(pair), dist.get_world_size(pair)],
    }
    if not outside:
        got["numbers"] = [dist.get_global_rank(pair, 1), dist.get_group_rank(pair, me)]
        got["ranks"] = dist.get_process_group_ranks(pair)
    return torch.Row({"reads": got}, 0, 0)


def test_a_group_tells_who_is_in_it():
    first, second, third = reads(run(membership))
    assert (first["before"], first["backend"], first["world"]) == ([False, True], "gloo", [0, 1, 2])
    assert (second["outside"], second["places"]) == (True, [-1, -1])
    assert (first["places"], third["places"]) == ([0, 2], [1, 2])
    assert (first["numbers"], third["numbers"], third["ranks"]) == ([2, 0], [2, 1], [0, 2])


def calls_from_outside(torch):
    """All ranks make every call; rank 1 is in no group."""
    dist = torch.distributed
    dist.init_process_group(algo="direct")
    me, pair = dist.get_rank(), dist.new_group([0, 2])
    x, y = torch.full((2,), me + 1), torch.full((4,), -1)
    dist.all_reduce(x, group=pair)
    dist.all_gather_into_tensor(y, x, group=pair)
    dist.gather(x, y if me == 0 else None, 0, group=pair)
    dist.scatter(x, y if me == 0 else None, 0, group=pair)
    dist.broadcast(x, 0, group=pair)
    dist.barrier(group=pair)
    if me != 2:
        dist.send(x, 2, group=pair)
    if me != 0:
        dist.recv(x, 0, group=pair)
    objects = [None, None]
    dist.all_gather_object(objects, me, group=pair)
    dist.broadcast_object_list(objects, 0, group=pair)
    return torch.Row({"reads": [x.tolist(), y.tolist(), objects]}, 0, 0)


def test_calls_of_a_group_do_nothing_on_a_rank_outside_of_it():
    first, second, third = reads(run(calls_from_outside))
    assert second == [[2, 2], [-1] * 4, [None, None]]
    assert (first, third) == ([[4, 4], [4] * 4, [0, 2]], [[4, 4], [4] * 4, [0, 2]])


def ring_of_messages(torch):
    dist = torch.distributed
    dist.init_process_group()
    me, n = dist.get_rank(), dist.get_world_size()
    x, y = torch.full((3000,), me), torch.empty(3000)
    works = dist.batch_isend_irecv(
        [dist.P2POp(dist.isend, x, (me + 1) % n, tag=7), dist.P2POp(dist.irecv, y, (me - 1) % n, tag=7)]
    )
    for work in works:
        work.wait()
    return torch.Row({"reads": [len(works), y.tolist()[::2999]]}, 0, 0)


def test_a_batch_of_messages_goes_around_the_ring():
    assert reads(run(ring_of_messages)) == [[2, [2, 2]], [2, [0, 0]], [2, [1, 1]]]


def objects(torch):
    dist = torch.distributed
    dist.init_process_group()
    me = dist.get_rank()
    found, facts = [None] * 3, [{"lr": 1e-4, "betas": [0.9, 0.95]}, "adam", b"x" * 300] if me == 1 else [None] * 3
    dist.all_gather_object(found, {"rank": me, "name": "r" * (1 + 40 * me)})
    dist.broadcast_object_list(facts, 1)
    return torch.Row({"reads": [found, [*facts[:2], len(facts[2])]]}, 0, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_objects_of_the_host_travel_as_bytes(workers):
    gathered = [{"rank": rank, "name": "r" * (1 + 40 * rank)} for rank in range(3)]
    sent = [{"lr": 1e-4, "betas": [0.9, 0.95]}, "adam", 300]
    assert reads(run(objects, workers=workers)) == [[gathered, sent]] * 3


def wrong(torch, *, which: int = 0):
    dist = torch.distributed
    dist.init_process_group()
    me, pair, x = dist.get_rank(), dist.new_group([0, 2]), torch.empty(4)
    [
        lambda: dist.get_process_group_ranks(pair) if me == 1 else None,
        lambda: dist.send(x, 1, group=pair) if me == 0 else None,
        lambda: dist.P2POp(dist.all_reduce, x, 1),
        lambda: dist.batch_isend_irecv([x]),
        lambda: dist.all_gather_object([None], 1),
        lambda: dist.all_gather_object([None] * 3, object()),
        lambda: dist.get_global_rank(dist.group.WORLD, 5),
    ][which]()


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (0, "rank 1 is not in this group"),
        (1, "send: rank 1 is not in the group of ranks 0 2"),
        (2, "op is dist.isend or dist.irecv, got all_reduce"),
        (3, "expected a list of P2POp"),
        (4, "the list has 1 places for 3 ranks"),
        (5, "objects are numbers, text, bytes, lists and dicts"),
        (6, "the ranks 0 to 2, got 5"),
    ],
)
def test_what_makes_no_sense_is_said(which, words):
    with pytest.raises(UsageError, match=words):
        Simulation(sips=3, overrides=SMALL).run(wrong, which=which)


def made_again(torch):
    dist = torch.distributed
    sums = []
    for _ in range(2):
        dist.init_process_group()
        x = torch.full((64,), 1)
        dist.all_reduce(x)
        sums.append(x.tolist()[0])
        dist.destroy_process_group()
        sums.append(dist.is_initialized())
    return torch.Row({"reads": sums}, 0, 0)


def test_a_process_group_can_be_made_again():
    assert reads(run(made_again)) == [[3, False, 3, False]] * 3
