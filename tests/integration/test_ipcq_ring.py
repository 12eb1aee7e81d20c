"""A ring of 16 members inside one SIP, laid on the cycle of neighbouring cubes: nobody waits for anybody."""

import pytest

from kernbench.common.units import ns, transfer_time
from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.cubes import cycle


def test_the_cycle_of_the_default_mesh_joins_neighbours_only():
    way = [divmod(cube, 4) for cube in cycle(4, 4)]
    steps = {abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in zip(way, [*way[1:], way[0]], strict=True)}
    assert (steps, len(set(way))) == ({1}, 16)


@pytest.mark.parametrize(("size", "time"), [(64, 1_045_489_065), (4096, 1_079_450_001), (16384, 1_227_950_001)])
def test_a_ring_on_the_cycle_of_cubes_does_not_queue_at_all(sim, size, time):
    """30 steps of a crossing (21.15 ns), a hand-over (10 ns) and a packet; additions, loads and starts a cube apart."""
    (row,) = sim(sips=1).run("ipcq_allreduce", sizes=str(size)).rows
    assert (row.wrong, row.queued, row.time) == (0, 0, time)


@pytest.mark.parametrize(("size", "time"), [(32768, 1_444_070_001), (65536, 1_835_945_001), (262144, 4_632_570_001)])
def test_up_to_a_slot_a_step_a_message_waits_for_the_slot_credit_that_leaves_with_it_and_no_more(sim, size, time):
    """32 bytes at 256 GB/s in each of 30 steps, and a nanosecond where members start a cube apart."""
    (row,) = sim(sips=1).run("ipcq_allreduce", sizes=str(size)).rows
    assert (row.wrong, row.time) == (0, time)
    assert row.queued <= 30 * transfer_time(32, 256 * 10**9) + ns(1)


@pytest.mark.parametrize("size", [4096, 16384, 65536, 262144])
def test_the_closed_form_knows_the_order_of_turns(sim, size):
    (row,) = sim(sips=1).run("ipcq_allreduce", sizes=str(size)).rows
    assert row.columns["closed_form_fs"] == pytest.approx(row.time, rel=0.015)


@pytest.mark.slow
def test_no_size_from_an_element_to_a_packet_a_step_queues(sim):
    rows = sim(sips=1).run("ipcq_allreduce", sizes=Sweep.of("64", "16KiB", 2)).rows
    rows += sim(sips=1).run("ipcq_allreduce", sizes="12344").rows
    assert {(row.wrong, row.queued) for row in rows} == {(0, 0)}


@pytest.mark.parametrize(("algo", "channels"), [("recursive_doubling", 1), ("ring", 4), ("bidir_ring", 2)])
def test_short_messages_of_other_algorithms_and_channels_give_the_right_values(sim, algo, channels):
    """What a step loads may be what the one before stored; a channel may have nothing to do."""
    made = sim(sips=1, overrides=["sip.cube_mesh=2x2"])
    assert made.run("ipcq_allreduce", sizes="12", algo=algo, channels=channels).wrong == 0


def test_lockstep_takes_the_same_time_without_values(sim):
    full, time_only = (
        sim(sips=1, overrides=["sip.cube_mesh=2x2"], values=values).run("ipcq_allreduce", sizes="1KiB")
        for values in (True, False)
    )
    assert full.digest_time == time_only.digest_time
