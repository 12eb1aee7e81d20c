"""The critical path: what the last end waited for, piece by piece, without a gap."""

from hypothesis import given
from hypothesis import strategies as st

from kernbench.reporting.path import CriticalPath, path_document
from kernbench.telemetry.rows import KernelRow, OperationRow

A, B = "sip0.cube00.pe0", "sip1.cube00.pe0"


def operation(pe, kind, sequence, issued, ready, start, end, cause=-1, flow="", **times):
    unit = f"{pe}.{kind}"
    return OperationRow(pe, unit, kind, sequence, "k", issued, ready, start, end, cause, 0, 64, flow, **times)


def kernel(pe, start, end, launch=0):
    return KernelRow(pe, "k", launch, start, end, 1, {})


def told(pieces):
    return [(piece.kind, piece.start, piece.end) for piece in pieces]


def test_a_message_leads_from_the_receive_back_to_the_sender():
    operations = [
        operation(A, "load", 1, 12, 12, 15, 40),
        operation(A, "send", 2, 13, 40, 41, 50, cause=1, flow="a>b#0"),
        operation(B, "recv", 1, 11, 11, 11, 90, flow="a>b#0"),
        operation(B, "math", 2, 12, 90, 90, 97, cause=1),
    ]
    pieces = CriticalPath(operations, [kernel(A, 10, 60), kernel(B, 9, 100)]).pieces()
    assert told(pieces) == [
        ("launch", 0, 10), ("program", 10, 12), ("wait for engine", 12, 15), ("load", 15, 40),
        ("wait for engine", 40, 41), ("send", 41, 50), ("message", 50, 90), ("math", 90, 97), ("program", 97, 100),
    ]  # fmt: skip


def test_a_receive_that_found_its_message_waiting_is_bound_by_its_own_program():
    operations = [
        operation(A, "send", 1, 11, 11, 11, 20, flow="a>b#0"),
        operation(B, "math", 1, 11, 11, 12, 70),
        operation(B, "recv", 2, 12, 70, 70, 80, cause=1, flow="a>b#0"),
    ]
    pieces = CriticalPath(operations, [kernel(A, 10, 30), kernel(B, 10, 80)]).pieces()
    assert told(pieces) == [
        ("launch", 0, 10), ("program", 10, 11), ("wait for engine", 11, 12), ("math", 12, 70), ("recv", 70, 80),
    ]  # fmt: skip


def test_a_receive_that_began_while_its_message_was_on_its_way_waited_for_the_message():
    operations = [
        operation(A, "send", 1, 11, 11, 11, 20, flow="a>b#0"),
        operation(B, "math", 1, 11, 11, 12, 70),
        operation(B, "recv", 2, 12, 70, 70, 90, cause=1, flow="a>b#0", arrived=80),
    ]
    pieces = CriticalPath(operations, [kernel(A, 10, 30), kernel(B, 10, 90)]).pieces()
    assert told(pieces) == [("launch", 0, 10), ("program", 10, 11), ("send", 11, 20), ("message", 20, 90)]


def test_a_send_that_waited_for_a_slot_waited_for_what_emptied_it():
    operations = [
        operation(A, "send", 1, 11, 11, 11, 15, flow="a>b#0"),
        operation(A, "math", 2, 12, 12, 12, 14),
        operation(A, "send", 3, 13, 14, 80, 84, cause=2, flow="a>b#1", released=75),
        operation(B, "recv", 1, 11, 11, 11, 30, flow="a>b#0", arrived=20),
        operation(B, "math", 2, 12, 30, 30, 75, cause=1),
        operation(B, "recv", 3, 13, 13, 13, 99, flow="a>b#1", arrived=89),
    ]
    pieces = CriticalPath(operations, [kernel(A, 10, 90), kernel(B, 10, 99)]).pieces()
    assert told(pieces) == [
        ("launch", 0, 10), ("program", 10, 11), ("send", 11, 15), ("message", 15, 30), ("math", 30, 75),
        ("slot credit", 75, 80), ("send", 80, 84), ("message", 84, 99),
    ]  # fmt: skip


def test_a_program_that_stood_still_waited_for_what_ended_last_before_it_went_on():
    operations = [
        operation(A, "load", 1, 10, 10, 10, 50),
        operation(A, "math", 2, 52, 52, 52, 60),
        operation(A, "math", 3, 53, 53, 60, 66),
    ]
    pieces = CriticalPath(operations, [kernel(A, 9, 66)]).pieces()
    assert told(pieces) == [
        ("launch", 0, 9), ("program", 9, 10), ("load", 10, 50), ("program", 50, 52), ("program", 52, 53),
        ("wait for engine", 53, 60), ("math", 60, 66),
    ]  # fmt: skip


def test_launches_of_one_sip_follow_each_other():
    operations = [operation(A, "math", 1, 10, 10, 10, 20), operation(A, "math", 2, 41, 41, 41, 50)]
    kernels = [kernel(A, 10, 22), kernel(A, 40, 51, launch=1)]
    pieces = CriticalPath(operations, kernels).pieces()
    assert told(pieces) == [
        ("launch", 0, 10), ("math", 10, 20), ("program", 20, 22), ("launch", 22, 40), ("program", 40, 41),
        ("math", 41, 50), ("program", 50, 51),
    ]  # fmt: skip


def test_a_run_that_was_cut_short_has_the_path_to_its_last_operation():
    pieces = CriticalPath([operation(A, "math", 1, 10, 10, 10, 20)], []).pieces()
    assert told(pieces) == [("launch", 0, 10), ("math", 10, 20)]


def test_nothing_that_ran_has_no_path():
    assert path_document(CriticalPath([], []).pieces()) is None


@st.composite
def runs(draw):
    """Any rows at all: causes and flows that make sense and such that do not."""
    operations = []
    for pe in (A, B):
        for sequence in range(1, draw(st.integers(0, 6)) + 1):
            issued, wait, queue, work = (draw(st.integers(0, 30)) for _ in range(4))
            kind = draw(st.sampled_from(["send", "recv", "math"]))
            flow = draw(st.sampled_from(["", "x", "y"])) if kind != "math" else ""
            cause = draw(st.integers(-1, 6))
            ready, start = issued + wait, issued + wait + queue
            operations.append(operation(pe, kind, sequence, issued, ready, start, start + work, cause, flow))
    kernels = []
    for pe in (A, B):
        for launch in range(draw(st.integers(0, 3))):
            start, length = draw(st.integers(0, 80)), draw(st.integers(0, 40))
            kernels.append(kernel(pe, start, start + length, launch))
    return operations, kernels


@given(runs())
def test_pieces_fill_the_time_from_zero_to_the_last_end_whatever_the_rows_are(run):
    operations, kernels = run
    pieces = CriticalPath(operations, kernels).pieces()
    edges = [0, *(piece.end for piece in pieces)]
    assert [piece.start for piece in pieces] == edges[:-1]
    assert edges[-1] == max((row.end for row in kernels or operations), default=0)
    document = path_document(pieces)
    if document is not None:
        assert sum(each["time_fs"] for each in document["by_kind"]) == document["total_fs"] == edges[-1]
        assert round(sum(each["percent"] for each in document["by_kind"]), 1) == 100.0
