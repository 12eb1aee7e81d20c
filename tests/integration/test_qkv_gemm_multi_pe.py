"""The speed-up curve of a launch over PEs."""

import pytest

from actors.simulation import Simulation


@pytest.fixture(scope="module")
def curve():
    arguments = {"tokens": 64, "hidden": 64, "block": 16, "block_k": 64}
    return Simulation(sips=1, overrides=["sip.cube_mesh=4x1"]).run("qkv_gemm_multi_pe", **arguments).rows


def test_the_curve_has_1_2_4_8_and_all_pes(curve):
    assert [row.columns["pes"] for row in curve] == [1, 2, 4, 8, 16]
    assert [row.wrong for row in curve] == [0] * 5


def test_a_speedup_is_the_first_time_over_that_of_the_row(curve):
    first = curve[0].time
    assert [row.columns["speedup"] for row in curve] == [round(first / row.time, 3) for row in curve]
    assert [row.columns["efficiency"] for row in curve] == [
        round(first / row.time / row.columns["pes"], 3) for row in curve
    ]


def test_more_pes_are_quicker_but_never_than_the_roof(curve):
    times = [row.time for row in curve]
    assert times == sorted(times, reverse=True)
    assert all(row.columns["roof_fs"] < row.time for row in curve)
    roofs = [row.columns["roof_fs"] for row in curve]
    assert roofs == [-(-roofs[0] // row.columns["pes"]) for row in curve]
    assert {row.columns["bound"] for row in curve} == {"matrix"}
