"""Tensors over SIPs: each change of placement gives numpy's values by the collective that torch uses for it."""

import numpy as np
import pytest

from actors.simulation import Simulation
from kernbench.common.errors import RankError, UsageError

SMALL = ("sip.cube_mesh=1x1",)
WHOLE = np.arange(24, dtype=np.float32).reshape(4, 6)


def spread(torch):
    """Every rank: the local parts and the whole again, by each way."""
    dist = torch.distributed
    dist.init_process_group()
    tensors, me = dist.tensor, dist.get_rank()
    x = torch.from_numpy(WHOLE)
    rows, columns = (tensors.distribute_tensor(x, tensors.Shard(dim)) for dim in (0, 1))
    addend = tensors.from_local(x * (me + 1), tensors.Partial())
    parts = [rows, columns, rows.redistribute(tensors.Shard(1)), addend.redistribute(tensors.Shard(1))]
    wholes = [rows, columns, addend]
    return torch.Row(
        {
            "parts": [each.to_local().numpy().tolist() for each in parts],
            "wholes": [each.full_tensor().numpy().tolist() for each in wholes],
            "shapes": [list(each.shape) for each in parts],
        },
        0,
        0,
    )


def test_shards_copies_and_addends_become_each_other():
    reports = Simulation(sips=2, overrides=SMALL).run(spread).reports
    for me, report in enumerate(reports):
        found = report.rows[0]
        halves = [np.split(WHOLE, 2, axis)[me] for axis in (0, 1)]
        parts = [halves[0], halves[1], halves[1], 3 * halves[1]]
        assert found["parts"] == [each.tolist() for each in parts]
        assert found["wholes"] == [each.tolist() for each in (WHOLE, WHOLE, 3 * WHOLE)]
        assert found["shapes"] == [[4, 6]] * 4


def moved(torch, *, into: str = "Replicate"):
    dist = torch.distributed
    dist.init_process_group()
    tensors = dist.tensor
    x = torch.empty(4096, 8)
    addend = tensors.from_local(x, tensors.Partial())
    dist.barrier()
    addend.redistribute(tensors.Replicate() if into == "Replicate" else tensors.Shard(0))


def sent(into):
    """Payload bytes on the links between two SIPs."""
    result = Simulation(sips=2, overrides=SMALL, values=False).run(moved, into=into)
    return sum(link.bytes_in for link in result.links if "->sip" in link.name and "." not in link.name)


def test_a_sum_that_stays_in_shards_sends_half_of_what_copies_take():
    """An all-reduce of S bytes over 2 ranks sends 2 x S, a reduce-scatter S; credits and barriers are 2 KiB at most."""
    size = 4096 * 8 * 4
    assert [sent(into) // 4096 for into in ("Replicate", "Shard")] == [2 * size // 4096, size // 4096]


def uneven(torch):
    torch.distributed.init_process_group()
    tensors = torch.distributed.tensor
    tensors.distribute_tensor(torch.empty(3), tensors.Shard(0))


def test_an_extent_that_does_not_divide_is_refused():
    with pytest.raises((UsageError, RankError), match=r"Shard\(0\) over 2 ranks: the extent 3 is no multiple of 2"):
        Simulation(sips=2, overrides=SMALL).run(uneven)
