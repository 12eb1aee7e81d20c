"""When one SIP fails, the error says what each of the others waited for just then, however the run was spread."""

import pytest

from kernbench.common.errors import RankError


def unlucky(torch):
    dist = torch.distributed
    dist.init_process_group()
    if dist.get_rank() == 1:
        raise ValueError("out of luck")
    dist.barrier()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_rank_says_what_the_others_wait_for(sim, workers):
    with pytest.raises(RankError, match="out of luck") as caught:
        sim(sips=3, workers=workers, overrides=["cube_mesh=1x1"]).run(unlucky)
    who = [line.partition(", called by")[0] for line in caught.value.waiters]
    what = "the rank's program waits for barrier number 1 of group world (ranks 0 1 2)"
    assert who == [f"sip0.host: {what}", f"sip2.host: {what}"]


def unlucky_together(torch):
    torch.distributed.init_process_group()
    raise ValueError("out of luck")


def test_of_sips_that_fail_at_once_nobody_is_said_to_wait(sim):
    with pytest.raises(RankError) as caught:
        sim(sips=2, overrides=["cube_mesh=1x1"]).run(unlucky_together)
    assert (caught.value.waiters, caught.value.where.startswith("sip0.host")) == ((), True)
