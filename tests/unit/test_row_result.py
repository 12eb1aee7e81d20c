"""Which rows of a run are complete: those that every rank gave, or can no longer give."""

from actors.row_result import complete_rows
from kernbench.common.messages.report import SipReport


def part(start, end, wrong=0):
    return {"start_fs": start, "end_fs": end, "launch_fs": 5, "queued_fs": 1, "overlap_fs": 2, "wrong": wrong, "n": 7}


def report(sip, rows, ended=None):
    return SipReport(sip, "", "", 100, ended, 0, [], rows, [])


def test_a_row_lasts_from_the_first_start_to_the_last_end_and_adds_up_what_is_wrong():
    (row,) = complete_rows([report(0, [part(10, 20, 1)], 99), report(1, [part(5, 15, 2)], 99)], (0, 1))
    assert (row.time, row.launch, row.wrong, row.columns) == (15, 5, 3, {"n": 7})


def test_a_row_that_a_rank_still_owes_is_not_complete():
    rows = complete_rows([report(0, [part(0, 9), part(10, 20)]), report(1, [part(0, 8)])], (0, 1))
    assert [row.time for row in rows] == [9]


def test_a_rank_that_has_given_none_yet_owes_the_first():
    assert complete_rows([report(0, [part(0, 9)]), report(1, [])], (0, 1)) == ()


def test_a_rank_that_has_ended_owes_nothing():
    rows = complete_rows([report(0, [part(0, 9)]), report(1, [], ended=3)], (0, 1))
    assert [row.time for row in rows] == [9]


def test_a_rank_whose_sip_could_not_report_owes_all():
    assert complete_rows([report(0, [part(0, 9)], ended=9)], (0, 1)) == ()


def test_a_sip_without_a_rank_owes_nothing():
    assert [row.time for row in complete_rows([report(0, [part(0, 9)], ended=9), report(1, [])], (0,))] == [9]
