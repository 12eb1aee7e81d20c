"""The summary of a run: what is said to bound it, and what is said where operations had no room in the records."""

from pathlib import Path

from kernbench.reporting.summary import summarise
from kernbench.telemetry.rows import KernelRow, OperationRow
from kernbench.telemetry.trace_records import HeldRecords

NS = 10**6
A, B = "sip0.cube00.pe0", "sip0.cube00.pe1"


def operation(pe, sequence, start, end):
    times = (start * NS, start * NS, start * NS, end * NS)
    return OperationRow(pe, f"{pe}.math", "math", sequence, "k", *times, -1, 0, 1, "")


def kernel(pe, launch, start, end, operations, busy):
    parts = (busy * NS, (end - start - busy) * NS, 0, 0, 0, 0)
    return KernelRow(pe, "k", launch, start * NS, end * NS, operations, {f"{pe}.math": parts})


def test_an_engine_that_filled_a_short_kernel_does_not_bound_a_run_of_long_ones():
    kernels = (kernel(A, 0, 0, 100, 1, 95), kernel(B, 1, 100, 500, 1, 20))
    report = summarise(HeldRecords(kernel_rows=kernels), Path("run"))
    assert report["bottleneck"]["engine"] == {"name": f"{A}.math", "share": 0.95}
    assert report["bottleneck"]["verdict"].startswith(
        f"no link and no engine bounds the run: {A}.math, ahead of all others, was busy for 19.0% of the time while kernels ran"
    )


def test_the_path_and_the_overlap_end_with_the_operations_that_had_room_but_the_time_of_engines_is_whole():
    operations = (operation(A, 1, 10, 90), operation(A, 2, 110, 150))
    kernels = (kernel(A, 0, 0, 100, 1, 80), kernel(A, 1, 100, 300, 4, 180))
    report = summarise(HeldRecords(operation_rows=operations, kernel_rows=kernels, dropped=3), Path("run"))
    assert report["critical_path"]["total_fs"] == 100 * NS
    assert report["overlap"][0]["kernel_ns"] == 140.0
    assert report["engines"][0]["parts_fs"]["busy"] == 260 * NS
    assert report["missing"][-1].startswith("rows: 3 of operations and kernels had no room in the records")
