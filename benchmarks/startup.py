"""How long `kernbench --help` takes, beside a Python that does nothing."""

import statistics
import subprocess
import sys
import time

RUNS = 11


def seconds(*command: str) -> float:
    """Wall time of one run of a command."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    """Alternate the two and print medians."""
    pairs = [
        (seconds(sys.executable, "-m", "kernbench", "--help"), seconds(sys.executable, "-c", "pass"))
        for _ in range(RUNS)
    ]
    help_s, nothing_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"kernbench --help: median of {RUNS} {help_s * 1e3:.0f} ms; python -c pass: {nothing_s * 1e3:.0f} ms")
