"""Whole machines drawn at random: values, books and digests hold on all of them."""

from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.simulation import Simulation
from kernbench.common.messages.island import Tamper

MACHINES = settings(max_examples=settings().max_examples // 10)
COPIES = Path(__file__).with_name("copies_bench.py")  # a rank loads its bench inside the test: no @given may be there


@st.composite
def machines(draw):
    """Small in everything, so that queues fill: few cubes, few PEs, few slots."""
    mesh = draw(st.sampled_from(["1x1", "2x1", "1x2", "2x2"]))
    noc = draw(st.sampled_from(["1x1", "2x1", "1x2", "2x2"]))
    return [
        f"sip.cube_mesh={mesh}",
        f"sip.cube.noc.mesh={noc}",
        f"sip.cube.pes={draw(st.sampled_from([1, 2, 3]))}",
        f"fabric.kind={draw(st.sampled_from(['ring', 'full', 'switch', 'mesh2d']))}",
        f"fabric.latency_ns={draw(st.sampled_from([1, 37, 500]))}",
        f"sip.cube.pe.ipcq.slots={draw(st.sampled_from([2, 3, 8]))}",
        f"sip.cube.pe.ipcq.slot_bytes={draw(st.sampled_from(['512B', '4KiB']))}",
        f"sip.cube.hbm_ctrl.outstanding={draw(st.sampled_from([1, 2, 64]))}",
        f"sip.cube.pe.pe_dma.outstanding_bytes={draw(st.sampled_from(['2KiB', '5KiB', '64KiB']))}",
    ]


@MACHINES
@given(overrides=machines(), sips=st.integers(1, 5), size=st.integers(1, 9000), seed=st.integers(0, 2**16))
def test_any_machine_reduces_right_and_windows_leave_no_trace(overrides, sips, size, seed):
    """The audit of every run is part of the run: bytes in are bytes out, credits come home, nothing is left."""
    whole = Simulation(sips=sips, overrides=overrides).run("allreduce", sizes=4 * size)
    cut = Simulation(sips=sips, overrides=overrides, tamper=Tamper(windows=(seed, 3))).run("allreduce", sizes=4 * size)
    assert (whole.wrong, cut.wrong, cut.digest) == (0, 0, whole.digest)


@MACHINES
@given(
    key=st.sampled_from(["sip.pcie.bw_gbs", "sip.io.noc.bw_gbs", "sip.ucie.bw_gbs", "sip.cube.noc.bw_gbs"]),
    more=st.fractions(1, 2, max_denominator=7),
    size=st.integers(1, 5000),
)
def test_a_lone_transfer_is_never_slower_with_more_bandwidth(key, more, size):
    base = dict.fromkeys(("sip.pcie.bw_gbs", "sip.io.noc.bw_gbs", "sip.ucie.bw_gbs", "sip.cube.noc.bw_gbs"), 32)
    faster = {**base, key: int(base[key] * Fraction(more))}
    rows = []
    for bandwidths in (base, faster):
        overrides = ["sip.cube_mesh=2x1", *(f"{name}={value}" for name, value in bandwidths.items())]
        rows.append(Simulation(sips=1, overrides=overrides).run(COPIES, size=size).reports[0].rows[0])
    assert all(row["same"] for row in rows)
    assert (rows[1]["write"] <= rows[0]["write"], rows[1]["read"] <= rows[0]["read"]) == (True, True)
