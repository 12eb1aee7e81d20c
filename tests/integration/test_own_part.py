"""A part of a user's own in the place of one of ours."""

import sys
import types

from actors.simulation import Simulation
from kernbench.components.pe_math import PeMath


def test_a_part_of_another_kind_plays_its_role_in_the_closed_form_too(monkeypatch):
    module = types.ModuleType("my_lab_of_this_test")
    module.Vector = type("Vector", (PeMath,), {"__module__": module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    own = ["sip.cube_mesh=1x1", "sip.cube.pe.pe_math.kind=my_lab_of_this_test:Vector"]
    result = Simulation(sips=2, overrides=own).run("allreduce", sizes="4KiB")
    assert (result.wrong, result.rows[0].columns["closed_form_fs"] > 0) == (0, True)
