"""The largest system fits: its SIPs share what they know of the topology, in real processes."""

import os
import subprocess
import sys

MOST_KIB = 300 << 10
"""Resident, at most; it was 538 MiB when each SIP had all of the topology for itself, and 1.8 GiB with 4x4 cubes."""


def test_64_sips_are_built_in_a_few_hundred_mebibytes(tmp_path):
    command = [sys.executable, "-m", "kernbench", "run", "--sips", "64", "--workers", "1", "--set", "sip.cube_mesh=2x2"]
    command += ["--size", "4KiB", "--max-events", "1000", "--no-record", "--out", str(tmp_path / "out")]
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=printed, stderr=printed)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert (process.returncode, usage.ru_maxrss < MOST_KIB) == (4, True), usage.ru_maxrss
