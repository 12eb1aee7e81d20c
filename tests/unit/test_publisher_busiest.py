"""Which links a frame tells more of."""

import random

from actors.publisher import busiest


def test_the_busiest_come_first_and_of_equals_the_first():
    assert busiest(bytes([0, 3, 250, 3, 0, 7]), 4) == [2, 5, 1, 3]


def test_where_nothing_moves_there_is_no_busiest():
    assert busiest(bytes(100)) == []


def test_they_are_those_that_sorting_gives():
    draw = random.Random(5)
    for _ in range(50):
        shares = bytes(draw.choice((0, 0, 1, 9, 250)) for _ in range(40))
        ranked = sorted((-share, number) for number, share in enumerate(shares) if share)
        assert busiest(shares) == [number for _, number in ranked[:8]]
