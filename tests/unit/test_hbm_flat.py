"""The flat memory: how long a slice has served so far, while its ends are known ahead."""

from kernbench.common.messages.memory import Segment
from kernbench.common.units import ns
from kernbench.components.hbm_flat import FlatTiming


def read(timing, slice_, size, now):
    timing.read(0, (Segment(slice_, 0, size, 0),), now, lambda _ready: None, lambda _end, _parts: None)


def test_a_slice_has_served_only_what_is_past_though_its_end_is_known():
    timing = FlatTiming(2, 10**9, 1024)  # a byte in 1 ns
    read(timing, 0, 100, 0)
    read(timing, 0, 50, ns(20))
    assert [timing.worked(ns(time)) for time in (20, 40, 149, 150, 400)] == [
        [ns(time), 0] for time in (20, 40, 149, 150, 150)
    ]
    read(timing, 0, 10, ns(400))
    read(timing, 1, 3, ns(401))
    assert [timing.worked(ns(time)) for time in (402, 500)] == [[ns(152), ns(1)], [ns(160), ns(3)]]


def test_a_memory_rests_once_the_last_of_its_slices_has_served():
    timing = FlatTiming(2, 10**9, 1024)
    assert timing.rests(0)
    read(timing, 0, 100, 0)
    read(timing, 1, 200, 0)
    assert [timing.rests(ns(time)) for time in (0, 100, 199, 200)] == [False, False, False, True]
