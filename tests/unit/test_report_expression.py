"""Conditions of --fail-if: what they mean, and what is said of those that mean nothing."""

import pytest

from kernbench.common.errors import UsageError
from kernbench.reporting.verdict import failures


def run(*rows, sim_time=5000.0):
    return {"rows": list(rows), "sim_time_ns": sim_time, "digest": "0f"}


def row(size, busbw, time=1000.0):
    return {"size_bytes": size, "count": size // 4, "dtype": "float32", "busbw_gbs": busbw, "time_ns": time, "wrong": 0}


FAST = run(row(64, 10.0), row(128, 20.0))
SLOW = run(row(128, 17.0, 3000.0), row(64, 9.5))


@pytest.mark.parametrize(
    ("text", "true_of"),
    [
        ("busbw<0.9*base", ["128 B float32: busbw<0.9*base (17 < 18)"]),
        ("busbw < 0.8 * base", []),
        ("time>2us", ["128 B float32: time>2us (3000 > 2000)"]),
        ("time > 2us & busbw < 10", []),
        ("time > 2us | busbw < 10", ["128 B float32: time > 2us (3000 > 2000)", "64 B float32: busbw < 10 (9.5 < 10)"]),
        ("busbw/base.busbw <= 0.85", ["128 B float32: busbw/base.busbw <= 0.85 (0.85 <= 0.85)"]),
        ("-(busbw - base) >= 3", ["128 B float32: -(busbw - base) >= 3 (3 >= 3)"]),
        ("wrong > 0 or size == 64 and time < 1.5e3", ["64 B float32: size == 64 (64 == 64) and time < 1.5e3 (1000 < 1500)"]),
        ("(time > 2us | busbw < 10) & size > 100", ["128 B float32: time > 2us (3000 > 2000) and size > 100 (128 > 100)"]),
        ("size < 100 & ((wrong > 0 | (busbw) < (1 + 9)))", ["64 B float32: size < 100 (64 < 100) and (busbw) < (1 + 9) (9.5 < 10)"]),
        ("(busbw<0.9*base)", ["128 B float32: busbw<0.9*base (17 < 18)"]),
        ("(wrong > 0) & time/wrong > 1", []),
        ("wrong > 0 & time/wrong > 1", []),
        ("wrong == 0 | time/wrong > 1", ["128 B float32: wrong == 0 (0 == 0)", "64 B float32: wrong == 0 (0 == 0)"]),
    ],
)  # fmt: skip
def test_a_condition_is_asked_of_each_row_with_the_base_row_of_the_same_size(text, true_of):
    assert failures(text, SLOW, FAST) == true_of


def test_a_run_without_rows_has_its_totals():
    assert failures("sim_time > base", run(sim_time=2.0), run(sim_time=1.0)) == ["sim_time > base (2 > 1)"]


def test_a_row_that_the_base_lacks_fails_no_comparison_with_it():
    assert failures("busbw < base", run(row(256, 1.0), row(64, 11.0)), FAST) == []


def test_a_column_may_begin_with_the_word_base():
    said = failures("baseline > 1.1*base", run({"baseline": 4.5}), run({"baseline": 3.5}))
    assert said == ["row 1: baseline > 1.1*base (4.5 > 3.85)"]


def test_rows_of_other_work_are_no_pair_and_are_named_by_their_work():
    short, long = ({"kernel": "softmax", "dtype": "float32", "rows": rows, "time_ns": float(rows)} for rows in (8, 64))
    assert failures("time > base | time > 10", run(long, short), run(short | {"time_ns": 7.0})) == [
        "softmax float32 rows=64: time > 10 (64 > 10)",
        "softmax float32 rows=8: time > base (8 > 7)",
    ]


def test_with_and_without_a_mask_is_no_pair():
    open_, masked = ({"heads": 2, "pes": 8, "causal": causal, "time_ns": 5.0} for causal in (False, True))
    assert failures("time < base", run(masked), run(open_ | {"time_ns": 9.0}, masked)) == []


@pytest.mark.parametrize("text", ["time > 1/0", "time/wrong > 1", "wrong/base > 1.1", "time < 2us & 0/0 != 1"])
def test_a_division_by_zero_is_refused_with_the_expression_and_the_row(text):
    with pytest.raises(UsageError) as caught:
        failures(text, run(row(64, 9.5)) | {"run": "runs/one"}, FAST)
    said = "write a product (queue>1.1*base), or ask before (base.queue>0 & ...)"
    assert str(caught.value) == f"--fail-if {text!r}: division by zero in 64 B float32 of runs/one; {said}"


def test_a_division_by_zero_in_a_run_without_rows_is_one_in_its_totals():
    with pytest.raises(UsageError, match="division by zero in the totals of the run; "):
        failures("sim_time/base > 1", run(sim_time=2.0), run(sim_time=0.0))


def test_a_figure_of_a_row_that_the_base_lacks_divides_nothing():
    assert failures("busbw/base > 1", run(row(256, 1.0), row(64, 11.0)), FAST) == [
        "64 B float32: busbw/base > 1 (1.1 > 1)"
    ]


def test_a_base_that_has_none_of_the_rows_is_refused():
    with pytest.raises(UsageError, match="has no row of the same bench and size, so nothing would be compared"):
        failures("busbw < base", run(row(256, 1.0)), FAST)


NAMES = "names are busbw, count, sim_time, size, time, wrong and base"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("busb<1", f"unknown name 'busb'; {NAMES}"),
        ("busbw", f"expected a comparison: < <= > >= == or !=, got the end; {NAMES}"),
        ("busbw<", f"expected a number or a name, got the end; {NAMES}"),
        ("busbw<1 busbw", f"expected & or | or the end, got 'busbw'; {NAMES}"),
        ("(busbw<1", f"expected ), got the end; {NAMES}"),
        ("busbw<1; import os", f"cannot read '; import os'; {NAMES}"),
        ("__import__('os')", f"cannot read \"'os')\"; {NAMES}"),
        ("busbw<time*base", "beside busbw and time it is not clear what 'base' is; write base.NAME"),
        ("(" * 40 + "1", f"expected at most 32 brackets and signs inside each other, got '('; {NAMES}"),
    ],
)
def test_an_expression_that_means_nothing_names_what_there_is(text, message):
    with pytest.raises(UsageError) as caught:
        failures(text, SLOW, FAST)
    assert str(caught.value) == f"--fail-if {text!r}: {message}"


def test_a_base_needs_a_run_to_compare_with():
    with pytest.raises(UsageError, match="there is no base; give --diff BASE"):
        failures("busbw<base", SLOW, None)
    with pytest.raises(UsageError, match="at most 500 characters, got 501"):
        failures("1" * 501, SLOW, None)


@pytest.mark.parametrize("cut", ["run", "base"])
def test_a_run_that_did_not_come_to_its_end_is_not_judged(cut):
    """Its row that would fail may be one of those that it never gave."""
    short = run(row(64, 10.0)) | {"digest": None, "run": "runs/cut"}
    pair = (short, FAST) if cut == "run" else (FAST, short)
    with pytest.raises(UsageError, match="runs/cut did not come to its end"):
        failures("busbw < 0.5 * base", *pair)
