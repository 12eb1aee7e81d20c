"""What a second worker gains: 4 SIPs all-reduce 16 MiB with --workers 1 and 2, alternating."""

import statistics

from actors.simulation import Result, Simulation

PAIRS, SIZE = 3, "16MiB"


def run(workers: int) -> Result:
    """One run of the main job."""
    return Simulation(sips=4, workers=workers).run("allreduce", sizes=SIZE)


def main() -> None:
    """Print wall and critical-path CPU speed-up, pair by pair, with the events per window beside it."""
    walls, paths = [], []
    for number in range(PAIRS):
        one, two = run(1), run(2)
        assert one.digest == two.digest, "the digest depends on the workers"
        walls.append(one.wall_s / two.wall_s)
        paths.append(one.stats.workers[0].cpu_s / max(worker.cpu_s for worker in two.stats.workers))
        print(
            f"pair {number + 1}: wall {one.wall_s:.1f} s / {two.wall_s:.1f} s = {walls[-1]:.2f}; CPU of the busiest worker "
            f"{one.stats.workers[0].cpu_s:.1f} s / {max(each.cpu_s for each in two.stats.workers):.1f} s = {paths[-1]:.2f}",
            flush=True,
        )
    hops = sum(link.packets for link in two.links)
    print(
        f"{SIZE}, 4 SIPs, --workers 2 against 1: wall {statistics.median(walls):.2f}x, "
        f"CPU critical path {statistics.median(paths):.2f}x (median of {PAIRS} pairs)"
    )
    print(f"{two.stats.events_per_window:.0f} events per window in {two.stats.windows} windows; {hops} packet-hops")
