"""Which slots collectives and messages can use: two suffice for a ring, of any size that an element fits."""

import pytest

from actors.simulation import Simulation
from kernbench.common.errors import UsageError

SMALL = ("sip.cube_mesh=2x1", "sip.cube.pe.ipcq.slot_bytes=1KiB")


def run(slots):
    return Simulation(sips=3, overrides=[*SMALL, f"sip.cube.pe.ipcq.slots={slots}"]).run("allreduce", sizes="64KiB")


def test_one_slot_is_refused_with_the_key_to_change():
    with pytest.raises(UsageError, match=r"sip\.cube\.pe\.ipcq\.slots to 2 or more"):
        run(1)


@pytest.mark.parametrize("slots", [2, 3, 5])
def test_a_ring_over_few_small_slots_ends_with_right_values(slots):
    assert run(slots).wrong == 0


@pytest.mark.parametrize("algo", ["ring", "tree", "direct", "halving_doubling"])
@pytest.mark.parametrize("size", ["100B", "6KiB", "24KiB"])
def test_slots_of_a_size_that_is_no_power_of_two_serve_as_the_next_smaller_ones(algo, size):
    one, other = (
        Simulation(sips=3, overrides=["sip.cube_mesh=1x1", f"ipcq.slot_bytes={each}"]).run(
            "allreduce", sizes="20KiB", algo=algo
        )
        for each in (size, {"100B": "64B", "6KiB": "4KiB", "24KiB": "16KiB"}[size])
    )
    assert (one.wrong, one.rows[0].time) == (0, other.rows[0].time)


@pytest.mark.parametrize("size", ["100B", "24KiB"])
def test_messages_between_ranks_are_cut_to_fit_any_slot(size):
    overrides = ["sip.cube_mesh=1x1", f"ipcq.slot_bytes={size}"]
    assert Simulation(sips=2, overrides=overrides).run("sendrecv", sizes="100KiB").wrong == 0
