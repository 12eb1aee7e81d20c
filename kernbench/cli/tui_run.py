"""`kernbench run --tui`: the run as a session of its own, the monitor in this process."""
# a command imports what it needs when it runs: `kernbench --help` stays quick

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from kernbench.cli.monitor import has_terminal, watch
from kernbench.cli.run_directory import RunDirectory
from kernbench.cli.terminal import note

STDOUT, STDERR = "stdout.txt", "stderr.txt"
LOOK_S = 0.05
OUT = "--out"


def run_with_monitor(argv: Sequence[str]) -> int:
    """Run `kernbench run` with the words that followed `run`, `--tui` among them, under the monitor; its exit code.

    The run has its own session: leaving the monitor, or its crash, leaves the run alone. Its output lies in its
    directory and is printed at the end; a run that the user detached from goes on, and 0 is returned.
    """
    words = [word for word in argv if word != "--tui"]
    if not has_terminal():
        note("kernbench: --tui needs a terminal; running without it")
        return subprocess.call([sys.executable, "-m", "kernbench", "run", *words])  # noqa: S603  # our own command
    directory, words = _directory(words)
    with (directory / STDOUT).open("xb") as out, (directory / STDERR).open("xb") as err:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "kernbench", "run", *words],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
    if _wait_for_layout(process, directory):
        watch(directory, in_ascii="--ascii" in words)
    code = process.poll()
    if code is None and (directory / "run.json").exists():
        code = process.wait()
    if code is None:
        note(f"kernbench: the run goes on; `kernbench monitor {directory}` watches it again")
        return 0
    _print_again(directory)
    return code if code >= 0 else 128 - code


def _directory(words: list[str]) -> tuple[Path, list[str]]:
    """The run's directory, made here if the words do not name one, and the words with it."""
    given = next((word.partition("=")[2] for word in words if word.startswith(f"{OUT}=")), None)
    if given is None and OUT in words[:-1]:
        given = words[words.index(OUT) + 1]
    if given is not None:
        return RunDirectory.create("", Path(given)).path, words
    bench = next((Path(word).stem for word in words if not word.startswith("-")), "run")
    path = RunDirectory.create(bench).path
    return path, [*words, OUT, str(path)]


def _wait_for_layout(process: "subprocess.Popen[bytes]", directory: Path) -> bool:
    """Whether there is something to watch; a run that failed before has said why."""
    pause = Event()
    while process.poll() is None:
        if (directory / "layout.json").exists():
            return True
        pause.wait(LOOK_S)
    return (directory / "layout.json").exists()


def _print_again(directory: Path) -> None:
    """What the run wrote, on this process's own streams."""
    for name, stream in ((STDERR, sys.stderr), (STDOUT, sys.stdout)):
        stream.write((directory / name).read_text(encoding="utf-8", errors="replace"))
        stream.flush()
