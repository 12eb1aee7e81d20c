"""How few slots a ring needs: two, one to forward and one to receive into."""

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
