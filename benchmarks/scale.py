"""What a SIP more costs: an all-reduce over 1 to 64 SIPs with the same bytes a step, and 64 SIPs in one process and in two.

`make bench-scale`. Each line is a process of its own, so its memory is its own too. docs/cluster.md explains the table.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from actors.simulation import Simulation

COUNTS, MOST, STEP = (1, 2, 4, 8, 16, 32, 64), 64, 16 << 10
LIMIT_MIB = 4096
"""What the processes of the largest run may hold together."""
HEAD = (
    f"{'SIPs':>4} {'workers':>7} {'compiled':>9} {'built':>7} {'ran':>7} {'CPU':>7} {'simulated':>10} {'windows':>8} "
    f"{'events':>9} {'moved':>9} {'per B':>8} {'events':>9} {'per event':>9} {'memory':>8}\n"
    f"{'':>4} {'':>7} {'s':>9} {'s':>7} {'s':>7} {'s':>7} {'us':>10} {'':>8} {'':>9} {'MiB':>9} {'CPU ns':>8} {'per KiB':>9} "
    f"{'CPU us':>9} {'MiB':>8}"
)


def measure(sips: int, workers: int) -> dict[str, Any]:
    """One run in this process: real and CPU seconds, bytes over all links, peak memory of all its processes."""
    begin = time.perf_counter()
    simulation = Simulation(sips=sips, workers=workers)
    compiled = time.perf_counter() - begin
    result = simulation.run("allreduce", sizes=str(STEP * sips))
    assert not result.wrong
    ran = max(worker.wall_s for worker in result.stats.workers)
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "compiled": compiled,
        "built": result.wall_s - ran,
        "ran": ran,
        "cpu": sum(worker.cpu_s for worker in result.stats.workers),
        "simulated_us": result.sim_time / 1e9,
        "windows": result.stats.windows,
        "events": result.stats.events,
        "bytes": sum(link.bytes_in for link in result.links),
        "mib": (own + child * (workers if workers > 1 else 0)) / 1024,
        "digest": result.digest,
    }


def apart(sips: int, workers: int) -> dict[str, Any]:
    """The same in a process of its own, printed as a line of the table."""
    command = [sys.executable, str(Path(__file__)), str(sips), str(workers)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print(
        f"{sips:4} {workers:7} {found['compiled']:9.2f} {found['built']:7.2f} {found['ran']:7.2f} {found['cpu']:7.2f} "
        f"{found['simulated_us']:10.2f} {found['windows']:8} {found['events']:9} {found['bytes'] / 2**20:9.2f} "
        f"{1e9 * found['cpu'] / found['bytes']:8.1f} {1024 * found['events'] / found['bytes']:9.2f} "
        f"{1e6 * found['cpu'] / found['events']:9.2f} {found['mib']:8.0f}",
        flush=True,
    )
    return found


def main() -> None:
    """Print the table; the largest run must give one digest and keep to its memory in one process and in two."""
    print(
        f"all-reduce of {STEP >> 10} KiB x SIPs: each step of the ring moves {STEP >> 10} KiB out of each SIP\n{HEAD}"
    )
    for sips in COUNTS:
        last = apart(sips, 1)
    two = apart(MOST, 2)
    assert two["digest"] == last["digest"], "the digest depends on the workers"
    for workers, found in ((1, last), (2, two)):
        assert found["mib"] <= LIMIT_MIB, f"{workers} workers: {found['mib']:.0f} MiB, over {LIMIT_MIB}"
    print(f"one digest; at most {max(last['mib'], two['mib']):.0f} MiB of {LIMIT_MIB} for {MOST} SIPs")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(*map(int, sys.argv[1:]))))
    else:
        main()
