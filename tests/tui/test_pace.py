"""How many pictures there are: fewer while drawing is slow, all of them seconds after."""

import pytest

from tui.pace import FASTEST_S, SLOWEST_S, Pace


def drawn(pace, at, end, spent):
    """Pictures of the same cost, each a period after the one before, until `end`; the moment of the last one."""
    while at + pace.period_s <= end:
        at += pace.period_s
        pace.note(spent, at)
    return at


@pytest.mark.parametrize(("spent", "periods"), [(0.06, [0.1, 0.1, 0.2]), (0.04, [0.1] * 3)])
def test_pictures_that_take_over_half_their_period_come_half_as_often(spent, periods):
    pace = Pace()
    found = []
    for number, _ in enumerate(periods):
        pace.note(spent, number / 10)
        found.append(pace.period_s)
    assert (found, pace.slow) == (periods, spent > 0.05)


def test_after_the_slowest_pictures_the_full_rate_is_back_six_seconds_after_drawing_is_quick():
    pace = Pace()
    slow = drawn(pace, 0.0, 30.0, 1.0)
    assert pace.period_s == SLOWEST_S
    drawn(pace, slow, slow + 6.0, 0.005)
    assert (pace.period_s, pace.slow) == (FASTEST_S, False)


def test_pictures_that_are_neither_slow_nor_quick_leave_the_pace_as_it_is():
    pace = Pace()
    slow = drawn(pace, 0.0, 1.0, 0.15)
    period_s = pace.period_s
    drawn(pace, slow, slow + 60.0, 0.15)
    assert (period_s, pace.period_s) == (0.4, 0.4)


def test_a_picture_now_and_then_that_is_not_quick_puts_the_recovery_off():
    pace = Pace()
    for number in range(3):
        pace.note(0.06, number / 10)
    for number in range(100):
        pace.note((0.03, 0.001)[number % 2], 1.0 + number / 5)
    assert pace.period_s == 0.2
