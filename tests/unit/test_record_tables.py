"""The tables of a run: exact times, and names that a CSV reader gives back."""

import csv
import io
from fractions import Fraction

import pytest

from kernbench.telemetry.tables import exact_ns, quoted


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "0"),
        (1, "0.000001"),
        (999_999, "0.999999"),
        (1_000_000, "1"),
        (1_000_001, "1.000001"),
        (12_345_600_000, "12345.600000"),
        (10**18, "1000000000000"),
        (-1, "-0.000001"),
        (-2_500_000, "-2.500000"),
    ],
)
def test_a_time_keeps_every_femtosecond(time, text):
    assert (exact_ns(time), Fraction(text) * 10**6) == (text, time)


@pytest.mark.parametrize("name", ["plain", "", "two words", "a,b", 'say "no"', "line\nbreak", 'back\rto, "start"'])
def test_a_name_is_read_back_as_it_was(name):
    assert next(csv.reader(io.StringIO(f"{quoted(name)},1\n", newline=""))) == [name, "1"]
