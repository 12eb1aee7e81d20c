"""What the monitor costs: CPU of its process on recorded frames of four SIPs at 10 Hz, and the time to its first picture.

Each size is measured on a terminal of its own, by the process itself, from its 20th picture on. The frames are those of
a recorded all-reduce, played ten a second over and over; `busy` has every link at a random load instead.
"""

import fcntl
import json
import os
import pty
import random
import select
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

BEGIN = time.perf_counter()
SIZES = ((120, 40), (160, 50))
SKIPPED, PICTURES, ROUNDS, MOST = 20, 60, 3, 8.0
HERTZ, SECONDS = 10, 60


def record(folder: Path) -> None:
    """Record a run of four SIPs in two workers."""
    from actors.simulation import Simulation  # noqa: PLC0415  # not in the process that is measured
    from kernbench.common.messages.recording import Recording  # noqa: PLC0415

    Simulation(sips=4, workers=2, telemetry=Recording(str(folder))).run("allreduce", sizes="4MiB")


def show(directory: Path, kind: str, report: Path) -> None:
    """Be the monitor that is measured; what it used is written at its end."""
    from kernbench.telemetry.frame import FULL, Frame  # noqa: PLC0415  # the import is a part of the first picture
    from kernbench.telemetry.reader import RunReader  # noqa: PLC0415
    from tui.app import Monitor  # noqa: PLC0415
    from tui.feeder import Feeder  # noqa: PLC0415
    from tui.glyphs import UNICODE  # noqa: PLC0415

    class Endless(RunReader):
        """The recorded frames again and again."""

        def frames(self) -> Iterator[Frame]:
            once = [*zip(*super().records, strict=False)]  # the frames of all workers, one by one
            draw = random.Random(1)  # noqa: S311  # loads, no secrets
            loads = [bytes(draw.choices(range(FULL + 1), k=len(once[0][0].links))) for _ in range(16)]
            for number in range(SECONDS * HERTZ):
                for frame in once[number % len(once)]:
                    links = loads[number % 16][: len(frame.links)] if kind == "busy" else frame.links
                    yield msgspec.structs.replace(frame, sequence=number, wall_s=number / HERTZ, links=links)

    class Measured(Monitor):
        """Counts its pictures."""

        pictures = 0
        first = 0.0
        begin = (0.0, 0.0)

        def _drawn(self, begin: float) -> None:
            super()._drawn(begin)
            self.pictures += 1
            if self.pictures == 1:
                self.first = time.perf_counter() - BEGIN
            if self.pictures == SKIPPED:
                self.begin = time.process_time(), time.perf_counter()
            if self.pictures == SKIPPED + PICTURES:
                cpu, wall = time.process_time() - self.begin[0], time.perf_counter() - self.begin[1]
                report.write_text(json.dumps({"cpu_s": cpu, "wall_s": wall, "first_s": self.first}))
                self.exit()

    Measured(Feeder(Endless(directory)), UNICODE, lambda *_: "", lambda _: RunReader(directory)).show(lambda: False)


def measure(directory: Path, kind: str, size: tuple[int, int]) -> dict[str, Any]:
    """Run the monitor on a terminal of a size and read away what it draws."""
    report = directory / "monitor.json"
    child, terminal = pty.fork()
    if not child:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environment = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        words = [sys.executable, __file__, str(directory), kind, str(report)]
        os.execve(sys.executable, words, environment)  # noqa: S606  # our own program
    drawn = 0
    while select.select([terminal], [], [], 60)[0]:
        try:
            drawn += len(os.read(terminal, 1 << 16))
        except OSError:
            break
    os.close(terminal)
    os.waitpid(child, 0)
    found: dict[str, Any] = json.loads(report.read_text())
    report.unlink()
    return {**found, "bytes": drawn / (SKIPPED + PICTURES)}


def main() -> None:
    """Print the share of a core for each size, and the time to the first picture."""
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder))
        first = []
        for kind in ("recorded", "busy"):
            for size in SIZES:
                rounds = [measure(Path(folder), kind, size) for _ in range(ROUNDS if kind == "recorded" else 1)]
                first += [each["first_s"] for each in rounds]
                picture = statistics.median(each["cpu_s"] / PICTURES for each in rounds)
                hertz = statistics.median(PICTURES / each["wall_s"] for each in rounds)
                limit = f"; at most {MOST:.0f} %" if kind == "recorded" else ""
                print(
                    f"{size[0]}x{size[1]}, {kind} frames: {picture * HERTZ * 100:.1f} % of a core at {HERTZ} Hz "
                    f"({picture * 1000:.2f} ms of CPU and {rounds[0]['bytes']:,.0f} bytes a picture, "
                    f"{hertz:.1f} Hz reached{limit})",
                    flush=True,
                )
        print(f"first picture: median of {len(first)} {statistics.median(first) * 1000:.0f} ms after the process began")


if __name__ == "__main__":
    show(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
