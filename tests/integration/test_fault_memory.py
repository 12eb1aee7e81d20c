"""The largest system fits: its SIPs share what they know of the topology, in real processes."""

import subprocess
import sys

MOST_KIB = 300 << 10
"""Resident, at most; it was 538 MiB when each SIP had all of the topology for itself, and 1.8 GiB with 4x4 cubes."""

RUN = """
import sys
from pathlib import Path
from kernbench.cli import execute
code = execute(sys.argv[1:])
(line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
Path("peak").write_text(line.split()[1])
sys.exit(code)
"""
"""A run that writes down its peak, in KiB: what the system says of a child begins with what its parent holds."""


def test_64_sips_are_built_in_a_few_hundred_mebibytes(tmp_path):
    words = ["run", "--sips", "64", "--workers", "1", "--set", "sip.cube_mesh=2x2"]
    words += ["--size", "4KiB", "--max-events", "1000", "--no-record", "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", RUN, *words], cwd=tmp_path, capture_output=True, check=False)
    peak = int((tmp_path / "peak").read_text())
    assert (done.returncode, peak < MOST_KIB) == (4, True), peak
