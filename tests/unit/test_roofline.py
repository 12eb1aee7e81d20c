"""Rooflines: the least time of work on a machine, and what the records of a run say of each kernel."""

import pytest

from kernbench.di.machine import TopologyFacts
from kernbench.reporting.roofline import roofline_documents
from kernbench.runtime_api.roof import Roof, Work, roof_of
from kernbench.telemetry.rows import KernelRow, LinkRow, OperationRow, Utilisation
from kernbench.telemetry.trace_records import HeldRecords
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load, packaged_path

NS = 10**6
ROOF = Roof(pes=2, matrix=4 * 10**12, vector=10**11, memory=10**12, port=5 * 10**11)
"""A GFLOP on the arrays takes 250 us, a million elements 10 us, a MB 1 us of memory or 2 us each way of the ports."""


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (Work(matrix=4 * 10**6, read=1000), ("matrix", 1000 * NS)),
        (Work(matrix=10, vector=10**5 + 1, read=1000), ("vector", 1000 * NS + 10**4)),
        (Work(vector=1, read=10**6, written=10**5), ("memory", 2000 * NS)),
        (Work(vector=1, read=10**6, written=10**6), ("memory", 2000 * NS)),
        (Work(read=3, written=0), ("memory", 6000)),
        (Work(), ("matrix", 0)),
    ],
)
def test_the_bound_is_what_takes_the_longest_at_its_peak(work, expected):
    assert ROOF.bound(work) == expected


def test_all_memory_bounds_where_the_ports_carry_more():
    wide = Roof(pes=64, matrix=1, vector=1, memory=10**12, port=10**15)
    assert wide.bound(Work(read=600, written=400)) == ("memory", 1000 * 1000)
    assert (wide.bytes_per_second, ROOF.bytes_per_second) == (10**12, 5 * 10**11)


@pytest.fixture
def roofs():
    """The roof of one PE, or of some, on the packaged machine with some keys replaced."""

    def make(*overrides, pes=("cube00.pe0",)):
        return roof_of(TopologyFacts(compile_topology(load(packaged_path(), overrides))), 0, pes)

    return make


def test_the_roof_is_computed_from_the_keys_of_the_topology(roofs):
    two = roofs("pe_gemm.rows=16", "pe_math.lanes=8", "cube_mesh=2x1", pes=("cube00.pe0", "cube01.pe3"))
    assert (two.matrix, two.vector) == (2 * 2 * 16 * 32 * 10**9, 2 * 8 * 10**9)
    assert (two.memory, two.port) == (8 * 204_800_000_000, 2 * 256 * 10**9)


def test_memory_with_banks_has_its_raw_bandwidth_as_its_peak(roofs):
    assert roofs("hbm_ctrl.mode=banked", "cube_mesh=1x1").memory == 4 * 256 * 10**9


def test_a_part_that_does_not_say_how_fast_it_is_bounds_nothing():
    silent = Roof(pes=1, matrix=0, vector=10**9, memory=10**9, port=10**9)
    assert silent.bound(Work(matrix=10**9, vector=5)) == ("vector", 5 * NS)


def kernel(pe, launch, start, end, operations, gemm, name="k"):
    """A share whose array was busy for `gemm` ns and waited for data for the rest."""
    rest = (end - start) * NS - gemm * NS
    return KernelRow(pe, name, launch, start * NS, end * NS, operations, {f"{pe}.gemm": (gemm * NS, 0, rest, 0, 0, 0)})


def operation(pe, kind, issued, amount, start=0, end=1):
    return OperationRow(pe, f"{pe}.{kind}", kind, 1, "k", issued * NS, 0, start * NS, end * NS, -1, 0, amount, "")


A, B = "sip0.cube00.pe0", "sip0.cube00.pe1"
RECORDS = HeldRecords(
    kernel_rows=(
        kernel(A, 0, 0, 100, 3, 60), kernel(B, 0, 10, 90, 1, 20), kernel(A, 1, 200, 300, 1, 50), kernel(B, 1, 200, 200, 0, 0),
    ),
    operation_rows=(
        operation(A, "load", 0, 500, 0, 30), operation(A, "gemm", 5, 4000), operation(A, "store", 100, 70, 20, 50),
        operation(B, "math", 10, 64), operation(A, "gemm", 200, 9),
    ),
)  # fmt: skip


def test_launches_on_as_many_pes_are_a_line_with_their_sums():
    both, alone = roofline_documents(RECORDS, lambda _sip, pes: Roof(len(pes), 10**12, 10**12, 10**12, 10**12))
    assert (both["pes"], both["launches"], both["time_fs"]) == (2, 1, 100 * NS)
    assert [both[f] for f in ("matrix_flops", "vector_flops", "read_bytes", "written_bytes")] == [4000, 64, 500, 70]
    assert both["flop_per_byte"] == 4064 / 570
    assert (both["bound"], both["roof_ns"], both["roof_share"]) == ("matrix", 4.0, 0.04)
    assert both["running_share"] == 180 / 200
    assert both["moving_share"] == 50 / 180
    assert (alone["pes"], alone["matrix_flops"], alone["time_fs"], alone["complete"]) == (1, 9, 100 * NS, True)


def test_the_time_of_engines_is_divided_exactly():
    both, alone = roofline_documents(RECORDS, lambda _sip, pes: Roof(len(pes), 10**12, 10**12, 10**12, 10**12))
    for line, total in ((both, 180), (alone, 100)):
        for engine in line["engines"]:
            assert sum(engine["parts_fs"].values()) == total * NS
            assert round(sum(engine["percent"].values()), 1) == 100.0
            assert list(engine["parts_fs"]) == ["busy", "no_work", "wait_data", "wait_tcm", "wait_credit", "wait_queue"]


def test_a_sentence_names_the_engine_its_speed_and_what_it_waited_for():
    both, _ = roofline_documents(RECORDS, lambda _sip, pes: Roof(len(pes), 10**11, 10**12, 10**12, 10**12))
    assert both["why"] == (
        "the arrays alone would take 40.0% of its time; PEs ran programs for 90.0% of it, the rest is start and tail; "
        "while programs ran, loads or stores were under way for 27.8%, gemm was busy for 44.4% at 100.0% of its peak, "
        "else mostly wait data (its inputs are not there), 55.6%"
    )


def test_a_hot_link_is_named_and_lost_operations_are_told():
    records = HeldRecords(
        kernel_rows=(kernel(A, 0, 0, 100, 2, 0),),
        operation_rows=(operation(A, "load", 0, 100, 0, 100),),
        link_rows=(LinkRow("x->y", "noc", 10**12, 80, 80_000, 90 * NS, {}),),
        buckets=Utilisation(100 * NS, {"x->y": [90 * NS]}, {"x->y": [80_000]}),
    )
    (line,) = roofline_documents(records, lambda _sip, pes: Roof(len(pes), 10**12, 10**12, 10**12, 10**12))
    assert line["why"] == (
        "moving the bytes alone would take 0.1% of its time; while programs ran, loads or stores were under way for 100.0%; "
        "x->y used 80.0% of its bandwidth; operations had no room in the records, so counts are too low"
    )
