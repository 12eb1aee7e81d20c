"""Queues of all collectives of a group share the scratchpads; what suits one alone leaves room for the others."""

import numpy as np
import pytest

from actors.simulation import Simulation

TINY = ("sip.cube_mesh=1x1", "fabric.kind=full")


def several(torch, *, algo: str = "direct"):
    """Collectives one after the other, of messages that fill slots; the ranks that a result is wrong on."""
    dist = torch.distributed
    dist.init_process_group(algo=algo)
    n, me = dist.get_world_size(), dist.get_rank()
    mine = np.arange(n * 4096, dtype=np.float32) + me
    x, y = torch.from_numpy(mine), torch.empty(n * 4096)
    dist.all_to_all_single(y, x)
    parts = [mine[me * 4096 : (me + 1) * 4096] - me + rank for rank in range(n)]
    right = [np.array_equal(y.numpy(), np.concatenate(parts))]
    dist.all_gather_into_tensor(y, torch.from_numpy(mine[:4096]))
    right.append(np.array_equal(y.numpy(), np.concatenate([mine[:4096] - me + rank for rank in range(n)])))
    total = sum(mine - me + rank for rank in range(n))
    part = torch.empty(4096)
    dist.reduce_scatter_tensor(part, x)
    right.append(np.array_equal(part.numpy(), total[me * 4096 : (me + 1) * 4096]))
    dist.all_reduce(x)
    dist.barrier()
    right.append(np.array_equal(x.numpy(), total))
    assert right == [True] * 4


@pytest.mark.parametrize("sips", [5, 8])
def test_all_collectives_of_an_algorithm_with_many_peers_run_in_one_program(sips):
    assert Simulation(sips=sips, overrides=TINY).run(several).sim_time > 0


def test_collectives_of_several_algorithms_run_in_one_program():
    assert Simulation(sips=5, overrides=TINY).run(several, algo="auto").sim_time > 0


def test_queues_that_are_there_or_smaller_are_taken_once_room_is_short(monkeypatch):
    """Five ranks: eight queues of four slots fill half of a scratchpad, four of eight slots would take the rest."""
    from kernbench.runtime_api import group

    shapes = []
    open_plan = group.Group._open_plan

    def noted(team, algo, kind, root):
        open_plan(team, algo, kind, root)
        shape = team._slots[algo, kind, root]
        shapes.append((kind, shape.slots, shape.slot_bytes))

    monkeypatch.setattr(group.Group, "_open_plan", noted)
    Simulation(sips=5, overrides=TINY).run(several)
    assert set(shapes) == {
        ("all_reduce", 4, 16384), ("all_to_all", 4, 16384), ("all_gather", 4, 16384), ("reduce_scatter", 4, 16384),
    }  # fmt: skip


@pytest.mark.parametrize("bench", ["broadcast", "all_gather"])
def test_the_first_call_under_auto_takes_no_longer_than_the_algorithm_that_it_takes(bench):
    """Queues are open before ranks start together."""
    run = Simulation(sips=3, overrides=TINY).run
    (row,) = run(bench, sizes="4KiB", algo="auto").rows
    assert row.time == run(bench, sizes="4KiB", algo=row.columns["algo"]).rows[0].time
