"""The time limit of a run: real time, so minutes and hours too."""

import pytest

from kernbench.cli.run import real_seconds
from kernbench.common.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60.0), ("60", 60.0), ("100ms", 0.1), ("5m", 300.0), ("0.5min", 30.0), ("1.5h", 5400.0), (None, None)],
)
def test_a_time_limit_is_given_from_milliseconds_to_hours(text, seconds):
    assert real_seconds(text) == seconds


@pytest.mark.parametrize("text", ["m", "min", "h", "1msm", "1hmin", "5 sh", "-1h", "0min"])
def test_a_time_limit_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match=r"--timeout .*: expected .* such as 60s"):
        real_seconds(text)
