"""The ring all-reduce against its closed form, which knows the topology and the algorithm and no result."""

import pytest

from actors.simulation import Simulation


def measured(sips, size, workers=1):
    (row,) = Simulation(sips=sips, workers=workers).run("allreduce", sizes=size).rows
    return row, row.columns["closed_form_fs"]


@pytest.mark.parametrize(("sips", "size"), [(2, "4KiB"), (4, "16B"), (4, "4KiB"), (3, "16KiB")])
def test_a_latency_bound_ring_is_within_one_percent_of_its_closed_form(sips, size):
    row, closed = measured(sips, size)
    assert abs(row.time - closed) < closed / 100


def test_what_a_short_ring_takes_beyond_its_closed_form_is_queueing():
    """64 KiB: loads of later slices share the way to the PE with the first, which the closed form leaves out."""
    row, closed = measured(4, "64KiB")
    assert 0 < row.time - closed <= row.queued + closed // 200


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_16_mib_ring_is_within_three_percent_and_the_rest_is_queueing():
    row, closed = measured(4, "16MiB", workers=2)
    assert row.wrong == 0
    assert 0 <= row.time - closed <= min(closed * 3 // 100, row.queued)
