"""A run with its fault inside: `driver.py SPEC ARG...` is `kernbench ARG...`; SPEC is a file of JSON."""
# ruff: noqa: INP001  # scripts, not a package

import json
import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path

from wire import Wire

import actors.coordinator
import actors.simulation
import actors.transports.process
from actors.supervisor import Supervisor
from actors.transports.process import Processes
from kernbench.cli import main
from kernbench.common.errors import WorkerError
from kernbench.common.messages.island import Outcome


class Witness(Supervisor):
    """Notes when a worker is given up: what a hang takes from then on is how long the run takes to end."""

    noticed: Path

    def run(self) -> list[Outcome]:
        """Supervise."""
        try:
            return super().run()
        except WorkerError:
            self.noticed.write_text(str(time.monotonic()))
            raise


def drive(spec: Path, arguments: list[str]) -> None:
    """Put in what the spec says, tell that it begins, be kernbench."""
    given = json.loads(spec.read_text())
    folder = spec.parent
    sys.path.insert(0, str(folder))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the campaign may run in the background or under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    Witness.noticed = folder / "noticed"
    actors.transports.process.Supervisor = Witness  # type: ignore[misc]
    if given["wire"] is not None:
        wire = Wire(**given["wire"], mark=folder / "mark")
        actors.coordinator.Processes = partial(Processes, join=wire)  # type: ignore[misc,assignment]
    if given["sinks"]:
        simulation = partial(actors.simulation.Simulation, sinks=given["sinks"])
        actors.simulation.Simulation = simulation  # type: ignore[misc,assignment]
    (folder / "begun").write_text(str(time.monotonic()))
    if given["file_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given["file_bytes"], resource.RLIM_INFINITY))
    sys.argv[1:] = arguments
    main()


if __name__ == "__main__":
    drive(Path(sys.argv[1]), sys.argv[2:])
