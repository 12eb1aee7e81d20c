"""What records and the live feed cost: CPU time of a run with them against one without, alternating.

Each run is a process of its own and counts whole, start and tables included, as a user's does.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from actors.simulation import Simulation
from kernbench.common.messages.recording import Recording
from kernbench.telemetry.feed import SPARE, FeedWriter, feed_path
from kernbench.telemetry.frame import Frame, SipState
from kernbench.telemetry.reader import RunReader

PAIRS, SIZE, SIPS, WORKERS, MOST = 11, "4MiB", 4, (1, 2), 3.0
WRITES = 2000


def used_s() -> float:
    """CPU of this process and of its workers that have ended."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def run(size: str, workers: str, directory: str = "") -> None:
    """Be one run, recorded if there is a directory for it; print the CPU of all its processes, its tables included."""
    recording = Recording(directory) if directory else None
    Simulation(sips=SIPS, workers=int(workers), telemetry=recording).run("allreduce", sizes=size)
    print(used_s())


def cpu_s(*words: str) -> float:
    """CPU of one run, started here."""
    command = [sys.executable, __file__, "--run", *words]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def page_us(links: int) -> float:
    """What writing one frame into its page takes, in microseconds."""
    frame = Frame(0, 1, 0.0, 0, 1, "running", 0, 0, 0, 0.0, 0.0, 0, 0, (SipState(0, 0, 0, 0),), bytes(links), b"")
    with tempfile.TemporaryDirectory() as directory:
        feed = FeedWriter(feed_path(Path(directory), 0), SPARE + links)
        begin = time.perf_counter()
        for _ in range(WRITES):
            feed.write(frame)
        took = time.perf_counter() - begin
        feed.close()
    return took / WRITES * 1e6


def compare(size: str, workers: int) -> None:
    """Print the overhead pair by pair, its median and the interval that the median lies in with 98.8 %."""
    costs, extra = [], []
    for number in range(PAIRS):
        with tempfile.TemporaryDirectory() as directory:
            order: tuple[list[str], ...] = ([], [directory]) if number % 2 else ([directory], [])
            one, other = (cpu_s(size, str(workers), *given) for given in order)
            off, on = (one, other) if number % 2 else (other, one)
            reader = RunReader(Path(directory))
            last = [[*record][-1] for record in reader.records]
            said = f"{len(reader.operations())} operations"
            total = sum(path.stat().st_size for path in Path(directory).iterdir())
        rate = min(frame.sequence / frame.wall_s for frame in last)
        costs.append(100 * (on / off - 1))
        extra.append(on - off)
        print(
            f"pair {number + 1}: {off:.2f} s without, {on:.2f} s with, {rate:.1f} frames/s: {costs[-1]:+.1f} %",
            flush=True,
        )
    costs.sort()
    low, high = costs[1], costs[-2]  # of 11 pairs the 2nd and the 10th bound the median with 98.8 %
    print(f"{SIPS} SIPs, {size}, {workers} workers: {said}, {total / 2**20:.1f} MiB of records")
    print(
        f"records and telemetry cost {statistics.median(costs):.1f} % of CPU (median of {PAIRS} pairs, 98.8 % interval "
        f"{low:.1f} to {high:.1f}; at most {MOST:.0f}), {1000 * statistics.median(extra):.0f} ms"
    )


def main(size: str = SIZE) -> None:
    """Compare runs of a size, in one process and in two."""
    for workers in WORKERS:
        compare(size, workers)
    print(f"writing the page of 3,000 links: {page_us(3000):.1f} us")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(*sys.argv[2:])
    else:
        main(*sys.argv[1:2])
