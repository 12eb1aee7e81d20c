"""A run with its fault inside: `driver.py SPEC ARG...` is `kernbench ARG...`; SPEC is a file of JSON."""
# ruff: noqa: INP001  # scripts, not a package

import json
import resource
import sys
import time
from functools import partial
from pathlib import Path

from wire import Wire

import actors.coordinator
import actors.simulation
from actors.transports.process import Processes
from kernbench.cli import main


def drive(spec: Path, arguments: list[str]) -> None:
    """Put in what the spec says, tell that it begins, be kernbench."""
    given = json.loads(spec.read_text())
    folder = spec.parent
    sys.path.insert(0, str(folder))
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
