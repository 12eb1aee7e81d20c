"""The arithmetic of reports: intervals, percentages, overlap, blocking, links, differences."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernbench.reporting.difference import compare
from kernbench.reporting.engine import blocking_document, engine_documents, engine_times
from kernbench.reporting.interval import intersection, length, union
from kernbench.reporting.link import link_documents, most_used_within, waiting_document
from kernbench.reporting.overlap import overlap_documents, sip_times
from kernbench.reporting.page_timeline import coverage
from kernbench.reporting.share import percents
from kernbench.telemetry.rows import KernelRow, LinkRow, OperationRow, Utilisation

intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def moments(pairs):
    return {moment for start, end in pairs for moment in range(start, end)}


@given(intervals, intervals)
def test_unions_and_intersections_are_those_of_sets_of_moments(left, right):
    ours = union(left), union(right)
    both = intersection(*ours)
    assert moments(both) == moments(left) & moments(right)
    assert [length(each) for each in (*ours, both)] == [
        len(moments(left)), len(moments(right)), len(moments(left) & moments(right)),
    ]  # fmt: skip
    assert all(before[1] < after[0] for before, after in pairwise(ours[0]))


@given(st.lists(st.integers(0, 10**18), max_size=9))
def test_percentages_sum_to_a_hundred(values):
    found = percents(values)
    assert round(sum(found), 1) == (100.0 if sum(values) else 0.0)
    assert all(
        abs(each - 100 * value / sum(values)) < 0.1 + 1e-9 for each, value in zip(found, values, strict=True) if value
    )


@given(intervals)
def test_the_columns_of_the_timeline_cover_what_the_stretches_cover(pairs):
    shares = coverage(union(pairs), 60, 20)
    assert round(sum(3 * share for share in shares)) == len(moments(pairs))


def operation(pe, kind, start, end, flow="", arrived=-1):
    return OperationRow(pe, f"{pe}.{kind}", kind, 1, "k", start, start, start, end, -1, 0, 1, flow, arrived=arrived)


def test_a_receive_communicates_from_when_its_message_was_sent():
    rows = [
        operation("sip0.cube00.pe0", "recv", 10 * 10**6, 100 * 10**6, "x"),
        operation("sip0.cube00.pe0", "gemm", 20 * 10**6, 80 * 10**6),
        operation("sip1.cube00.pe0", "send", 70 * 10**6, 75 * 10**6, "x"),
    ]
    windows = {0: [(0, 120 * 10**6)], 1: [(0, 120 * 10**6)]}
    assert overlap_documents(sip_times(rows), windows) == [
        {
            "sip": 0, "kernel_ns": 120.0, "compute_ns": 60.0, "communication_ns": 30.0, "both_ns": 10.0,
            "neither_ns": 40.0, "hidden_share": pytest.approx(1 / 3),
        },
        {
            "sip": 1, "kernel_ns": 120.0, "compute_ns": 0.0, "communication_ns": 5.0, "both_ns": 0.0,
            "neither_ns": 115.0, "hidden_share": 0.0,
        },
    ]  # fmt: skip


def test_a_message_that_came_before_its_receive_was_hidden_behind_the_compute_till_then():
    rows = [
        operation("sip0.cube00.pe0", "gemm", 20 * 10**6, 80 * 10**6),
        operation("sip0.cube00.pe0", "recv", 80 * 10**6, 90 * 10**6, "x", arrived=60 * 10**6),
        operation("sip1.cube00.pe0", "send", 10 * 10**6, 15 * 10**6, "x"),
    ]
    (line, _) = overlap_documents(sip_times(rows), {0: [(20 * 10**6, 100 * 10**6)]})
    assert line == {
        "sip": 0, "kernel_ns": 80.0, "compute_ns": 60.0, "communication_ns": 50.0, "both_ns": 40.0, "neither_ns": 10.0,
        "hidden_share": 0.8,
    }  # fmt: skip


def test_the_time_of_engines_is_divided_by_kind_and_in_all():
    kernels = [
        KernelRow("p", "k", 0, 0, 10, 1, {"p.dma.read0": (1, 2, 3, 4, 0, 0), "p.math": (10, 0, 0, 0, 0, 0)}),
        KernelRow("p", "k", 1, 20, 30, 1, {"p.dma.read0": (3, 7, 0, 0, 0, 0), "p.dma.read1": (0, 0, 0, 0, 5, 5)}),
    ]
    times = engine_times(kernels)
    lines = {line["engines"]: line for line in blocking_document(times, None)}
    assert [*lines["read"]["parts_fs"].values()] == [4, 9, 3, 4, 5, 5]
    assert [*lines["all"]["percent"].values()] == [35.0, 22.5, 7.5, 10.0, 12.5, 12.5]
    assert engine_documents(times, None)[0] == {
        "name": "p.math", "kind": "math", "kernel_ns": 1e-05, "busy_ns": 1e-05, "busy_share": 1.0,
    }  # fmt: skip


LINKS = (
    LinkRow("a", "noc", 10**17, 3, 3000, 40, {"link_busy": 30, "no_credit": 10}),
    LinkRow("b", "ucie", 5 * 10**16, 1, 1000, 60, {"link_busy": 0, "no_credit": 60}),
)
BUCKETS = Utilisation(20, {"a": [20, 20, 0], "b": [0, 20, 40]}, {"a": [2000, 1000, 0], "b": [0, 400, 600]})


def test_links_come_with_the_most_used_first_though_another_was_held_longer():
    found = link_documents(LINKS, 100, BUCKETS)
    assert [(each["name"], each["utilization"], each["peak"], each["blocked"]) for each in found] == [
        ("a", 0.3, 1.0, {"link_busy": 3e-05, "no_credit": 1e-05}), ("b", 0.2, 0.6, {"no_credit": 6e-05}),
    ]  # fmt: skip
    assert [(each["reason"], each["time_fs"], each["percent"]) for each in waiting_document(LINKS)] == [
        ("no_credit", 70, 70.0), ("link_busy", 30, 30.0),
    ]  # fmt: skip


def test_the_most_used_link_while_kernels_ran_may_be_another_one():
    rates = {link.name: link.bw for link in LINKS}
    found = most_used_within(BUCKETS, rates, [(5, 30)]), most_used_within(BUCKETS, rates, [(45, 46)])
    assert found == (("a", 0.8), ("b", 0.6))
    assert most_used_within(BUCKETS, rates, []) is None


def test_no_bucket_of_a_link_is_used_longer_than_it_was_busy():
    assert Utilisation(20, {"a": [5, 20]}, {"a": [2000, 0]}).use("a", 10**17) == [5, 0]


def report(busy, rows, digest="x"):
    return {
        "run": "r", "sim_time_ns": 10.0, "critical_path": None, "digest": digest, "rows": rows,
        "operations": [{"kind": "math", "time_ns": 5.0, "count": 1, "waited_ns": 0.0}],
        "links": [{"name": name, "busy_ns": time, "bytes": 1, "blocked_ns": 0.0} for name, time in busy.items()],
    }  # fmt: skip


def test_a_difference_lists_what_changed_the_largest_first():
    rows = [{"size_bytes": 64, "time_ns": 4.0, "wrong": None}, {"size_bytes": 128, "time_ns": 8.0, "wrong": None}]
    found = compare(report({"a": 3.0, "b": 9.0, "c": 1.0}, rows), report({"a": 2.0, "b": 3.0, "c": 1.0}, rows[1:]))
    assert [(each["name"], each["base"], each["run"], each["ratio"]) for each in found["links"]] == [
        ("b", 3.0, 9.0, 3.0), ("a", 2.0, 3.0, 1.5),
    ]  # fmt: skip
    assert (found["rows"], found["operations"], found["totals"], found["same_digest"]) == ([], [], [], True)
    assert compare(report({}, rows), report({}, [{**rows[0], "time_ns": 2.0}], "y"))["rows"] == [
        {"name": "64 B", "figure": "time_ns", "base": 2.0, "run": 4.0, "change": 2.0, "ratio": 2.0}
    ]
