"""Keys that were given and do nothing are told."""

import pytest

from kernbench.di.catalog import idle_keys
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load, packaged_path

TINY = ("sip.cube_mesh=1x1",)
HBM = "sip.cube.hbm_ctrl."


@pytest.mark.parametrize(
    ("overrides", "idle"),
    [
        (("hbm_ctrl.tcl_ns=20",), {f"{HBM}tcl_ns": "mode: simple does not read it; give hbm_ctrl.mode=banked"}),
        (("hbm_ctrl.tcl_ns=20", "hbm_ctrl.mode=banked"), {}),
        (("hbm_ctrl.efficiency=0.7",), {}),
        (
            ("hbm_ctrl.efficiency=0.7", "hbm_ctrl.mode=banked"),
            {f"{HBM}efficiency": "mode: banked does not read it; its banks lose time by what they do"},
        ),
        (("fabric.switch.overhead_ns=9",), {"fabric.switch.overhead_ns": "nothing reads this key here; remove it"}),
        ((), {}),
    ],
)
def test_a_key_without_an_effect_is_named_with_the_reason(overrides, idle):
    assert idle_keys(compile_topology(load(packaged_path(), (*TINY, *overrides)))) == idle
