"""Collectives of bool."""

import numpy as np


def of_bool(torch):
    dist = torch.distributed
    dist.init_process_group()
    x = torch.from_numpy(np.array([True, dist.get_rank() == 0, False]))
    dist.all_reduce(x)
    assert x.tolist() == [True, True, False]


def test_a_sum_of_bool_over_ranks_is_the_disjunction_as_in_torch(sim):
    assert sim(sips=2, overrides=("sip.cube_mesh=1x1",)).run(of_bool).sim_time > 0
