"""`kernbench run --tui`: the run as a session of its own, the monitor in this process."""
# a command imports what it needs when it runs: `kernbench --help` stays quick

import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from kernbench.cli.monitor import has_terminal, watch
from kernbench.cli.run_directory import RunDirectory
from kernbench.cli.signals import Held, exit_code
from kernbench.cli.terminal import note
from kernbench.common.errors import ExitCode, OutputError, UsageError
from tui.left import Left

STDOUT, STDERR = "stdout.txt", "stderr.txt"
LOOK_S = 0.05
OUT = "--out"


def run_with_monitor(bench: str, argv: Sequence[str]) -> int:
    """Run `kernbench run` with the words that followed `run`, `--tui` among them, under the monitor; its exit code.

    The run has its own session: leaving the monitor, or its crash, leaves the run alone. Its output lies in its
    directory and is printed at the end; a run that the user detached from goes on, and 0 is returned. Without a monitor,
    before it is there, once it has failed or after it was told to stop the run, Ctrl-C is passed on to the run.
    """
    words = [word for word in argv if word != "--tui"]
    if "--no-record" in words:
        raise UsageError("--tui shows what is recorded; leave out --no-record")
    if not has_terminal():
        note("kernbench: --tui needs a terminal; running without it")
        return subprocess.call([sys.executable, "-m", "kernbench", "run", *words])  # noqa: S603  # our own command
    directory, words = _directory(bench, words)
    with Held() as held:  # a signal while the run is started would leave it behind, known to nobody
        process = _start(directory, words)
        there = _wait_for_layout(process, directory, held)
    if there:
        try:
            left = watch(directory, in_ascii="--ascii" in words)
        except Exception as error:  # a fault of the picture is none of the run
            note(
                f"kernbench: error: the monitor failed: {type(error).__name__}: {error}; waiting for the run without it"
            )
            if "--debug" in words:
                traceback.print_exception(error)
            left = Left.ENDED
        except BaseException:
            _say_how_to_return(directory)
            raise
        if left is Left.DETACHED and process.poll() is None and not (directory / "run.json").exists():
            _say_how_to_return(directory)
            return 0
        if left is Left.STOPPED and process.poll() is None:
            note("kernbench: the run stops at its next window; Ctrl-C twice ends it at once")
    code = _wait(process)
    if held.number and code not in (ExitCode.SIGINT, ExitCode.SIGTERM):  # Python was still starting there
        note("kernbench: interrupted")
        return exit_code(held.number)
    _print_again(directory)
    return code if code >= 0 else 128 - code


def _directory(bench: str, words: list[str]) -> tuple[Path, list[str]]:
    """The run's directory, made here if the words do not name one, and the words with it."""
    given = next((word.partition("=")[2] for word in words if word.startswith(f"{OUT}=")), None)
    if given is None and OUT in words[:-1]:
        given = words[words.index(OUT) + 1]
    if given is not None:
        return RunDirectory.create(bench, Path(given)).path, words
    path = RunDirectory.create(bench).path
    return path, [OUT, str(path), *words]


def _start(directory: Path, words: Sequence[str]) -> "subprocess.Popen[bytes]":
    """The run, in a session of its own, its output in its directory."""
    try:
        with (directory / STDOUT).open("xb") as out, (directory / STDERR).open("xb") as err:
            return subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "-m", "kernbench", "run", *words],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
    except OSError as error:
        raise OutputError(f"{OUT} {directory}: {error.strerror}: {error.filename}; name a new folder") from error


def _wait_for_layout(process: "subprocess.Popen[bytes]", directory: Path, held: Held) -> bool:
    """Whether there is something to watch; a run that failed or was interrupted before has said why."""
    pause = Event()
    while not held.number and process.poll() is None and not (directory / "layout.json").exists():
        pause.wait(LOOK_S)
    if held.number:
        process.send_signal(signal.SIGINT if held.number == signal.SIGINT else signal.SIGTERM)
        return False
    return (directory / "layout.json").exists()


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """The exit code of the run, when it has ended; Ctrl-C and SIGTERM mean the run."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
        except SystemExit:
            process.send_signal(signal.SIGTERM)


def _say_how_to_return(directory: Path) -> None:
    note(f"kernbench: the run goes on; `kernbench monitor {directory}` watches it again")


def _print_again(directory: Path) -> None:
    """What the run wrote, on this process's own streams."""
    for name, stream in ((STDERR, sys.stderr), (STDOUT, sys.stdout)):
        stream.write((directory / name).read_text(encoding="utf-8", errors="replace"))
        stream.flush()
