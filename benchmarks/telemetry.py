"""What records and the live feed cost: process CPU time of a run with them against one without, alternating."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from actors.simulation import Simulation
from kernbench.common.messages.recording import Recording
from kernbench.telemetry.feed import SPARE, FeedWriter, feed_path
from kernbench.telemetry.frame import Frame, SipState
from kernbench.telemetry.reader import RunReader

PAIRS, SIZE, SIPS, MOST = 11, "4MiB", 4, 3.0
WRITES = 2000


def cpu_s(recording: Recording | None) -> float:
    """CPU of one run of the main job in this process, tables at its end included."""
    simulation = Simulation(sips=SIPS, workers=1, telemetry=recording)
    begin = time.process_time()
    simulation.run("allreduce", sizes=SIZE)
    return time.process_time() - begin


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


def main() -> None:
    """Print the overhead pair by pair, its median and the interval that the median lies in with 97 %."""
    costs = []
    cpu_s(None)  # caches and lazy imports
    for number in range(PAIRS):
        with tempfile.TemporaryDirectory() as directory:
            order = (None, Recording(directory)) if number % 2 else (Recording(directory), None)
            one, other = (cpu_s(recording) for recording in order)
            off, on = (one, other) if number % 2 else (other, one)
            reader = RunReader(Path(directory))
            counts = f"{sum(map(len, reader.records))} frames, {len(reader.operations())} operations"
            size = sum(path.stat().st_size for path in Path(directory).iterdir())
        costs.append(100 * (on / off - 1))
        print(f"pair {number + 1}: {off:.2f} s without, {on:.2f} s with: {costs[-1]:+.1f} %", flush=True)
    costs.sort()
    low, high = costs[1], costs[-2]  # of 11 pairs the 2nd and the 10th bound the median with 98.8 %
    print(f"{SIPS} SIPs, {SIZE}: {counts}, {size / 2**20:.1f} MiB of records")
    print(
        f"records and telemetry cost {statistics.median(costs):.1f} % of CPU (median of {PAIRS} pairs, 98.8 % interval "
        f"{low:.1f} to {high:.1f}; at most {MOST:.0f})"
    )
    print(f"writing the page of 3,000 links: {page_us(3000):.1f} us")


if __name__ == "__main__":
    sys.exit(main())
