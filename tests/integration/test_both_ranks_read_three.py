"""The case that broke the earlier system: host code drove the loop, kernels were orphaned, and rank 0 read 1."""

import pytest

from actors.simulation import Simulation


def bench(torch, *, count: int = 1000):
    torch.distributed.init_process_group()
    x = torch.full((count,), torch.distributed.get_rank() + 1)
    work = torch.distributed.all_reduce(x)
    return torch.Row({"read": sorted(set(x.numpy().tolist()))}, work.start, work.end, results=(x,))


@pytest.mark.parametrize("workers", [1, 2])
def test_two_ranks_that_fill_with_rank_plus_one_and_all_reduce_both_read_three(workers):
    result = Simulation(sips=2, workers=workers).run(bench)
    assert [report.rows[0]["read"] for report in result.reports] == [[3.0], [3.0]]
