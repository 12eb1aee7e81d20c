"""A recorded run that is killed leaves what it had recorded; one that is watched does not notice."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from actors.simulation import Simulation
from kernbench.common.messages.recording import Recording
from kernbench.telemetry.reader import RunReader

SMALL = ("sip.cube_mesh=1x1", "sip.cube.pes=1")
PROGRAM = """
import sys
from actors.simulation import Simulation
from kernbench.common.messages.recording import Recording
from kernbench.runtime_api.bench import Sweep
Simulation(sips=2, workers=int(sys.argv[2]), overrides={overrides}, telemetry=Recording(sys.argv[1], period_s=0.01, flush_s=0.1)).run(
    "allreduce", sizes=Sweep.of("16KiB", "64MiB", 4)
)
"""
PATIENCE_S = 40


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_killed_with_sigkill_is_read_up_to_its_last_frame(tmp_path, workers):
    directory, tick = tmp_path / "run", threading.Event()
    program = PROGRAM.format(overrides=SMALL)
    with subprocess.Popen([sys.executable, "-c", program, str(directory), str(workers)]) as process:
        reader, end = RunReader(directory), time.monotonic() + PATIENCE_S
        while not ((directory / "rows-0").exists() and reader.operations() and reader.links()):
            assert time.monotonic() < end
            assert process.poll() is None
            tick.wait(0.05)
        assert (reader.live, reader.killed) == (True, False)
        live = reader.poll()
        process.send_signal(signal.SIGKILL)
    frames = list(RunReader(directory).frames())
    assert (reader.live, reader.killed, reader.document) == (False, True, None)
    last = {frame.worker: frame.sequence for frame in frames}
    assert all(last[frame.worker] >= frame.sequence for frame in live)
    assert sorted(last) == list(range(workers))
    found = reader.utilisation()
    assert sum(sum(column) for column in found.busy.values()) > 0
    assert all(row.end <= max(frame.now for frame in frames) + 10**12 for row in reader.operations())
    assert all(row.busy > 0 for row in reader.links())


def test_a_viewer_that_reads_all_the_time_changes_no_digest(tmp_path):
    plain = Simulation(sips=2, overrides=SMALL).run("allreduce", sizes="256KiB")
    directory, over, seen = tmp_path / "run", threading.Event(), []

    def look():
        reader = RunReader(directory)
        while not over.is_set():
            if (directory / "layout.json").exists():
                seen.extend(frame.sequence for frame in reader.poll())

    viewer = threading.Thread(target=look)
    viewer.start()
    recording = Recording(str(directory), period_s=0.005)
    result = Simulation(sips=2, overrides=SMALL, telemetry=recording).run("allreduce", sizes="256KiB")
    over.set()
    viewer.join()
    assert (result.digest, seen == sorted(seen), len(set(seen)) > 1) == (plain.digest, True, True)


def test_what_a_viewer_imports_to_read_a_run_has_no_numpy_and_no_model():
    program = (
        "import sys, kernbench.telemetry.reader, kernbench.telemetry.commands\n"
        "heavy = ('numpy', 'pyarrow', 'simpy', 'pykka', 'greenlet', 'textual', 'perfetto', 'yaml', 'actors')\n"
        "print([name for name in heavy if name in sys.modules],"
        " [name for name in sys.modules if name.startswith('kernbench.') and name.split('.')[1] not in"
        " ('telemetry', 'common')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
