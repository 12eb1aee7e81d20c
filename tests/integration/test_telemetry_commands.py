"""Viewers ask a run to pause, step, slow down, capture and stop; none of it changes a result."""

import json
import os
import socket
import stat
import threading
import time

import pytest

from actors.control import Hooks
from actors.simulation import Simulation
from kernbench.common.messages.island import Command
from kernbench.common.messages.recording import Recording
from kernbench.telemetry.commands import LONGEST, SOCKET, send_command, socket_address
from kernbench.telemetry.reader import RunReader

SMALL = ("sip.cube_mesh=1x1", "sip.cube.pes=1")
PATIENCE_S = 20
TAKEN = ("", "the run has ended")


class PausedAtFirst(Hooks):
    """Holds the run before it has done anything, so that a viewer comes in time."""

    def __init__(self):
        self.commands = [Command("pause")]

    def command(self):
        return self.commands.pop() if self.commands else None


def until(claim):
    """Wait for something that another thread brings about."""
    end, tick = time.monotonic() + PATIENCE_S, threading.Event()
    while not claim():
        assert time.monotonic() < end, "it never came"
        tick.wait(0.005)


def shout(end):
    """Ask and ask and never listen."""
    while True:
        end.sendall(b'{"action":"pause"}\n' * 50)


def watched(directory, viewer, workers=1):
    """A run that `viewer(reader)` watches from its beginning; it is paused until the viewer resumes it."""
    reader, failures = RunReader(directory), []

    def look():
        try:
            until(lambda: (directory / SOCKET).exists() and "paused" in [frame.state for frame in reader.poll()])
            viewer(reader)
        except BaseException as error:
            failures.append(error)
        finally:
            until(lambda: send_command(directory, "speed") in TAKEN)
            until(lambda: send_command(directory, "resume") in TAKEN)

    thread = threading.Thread(target=look)
    thread.start()
    simulation = Simulation(
        sips=2, workers=workers, overrides=SMALL, telemetry=Recording(str(directory), period_s=0.005)
    )
    try:
        result = simulation.run("allreduce", sizes="16KiB", hooks=PausedAtFirst())
    finally:
        thread.join()
    assert failures == []
    return result


@pytest.fixture(scope="module")
def plain():
    return Simulation(sips=2, overrides=SMALL).run("allreduce", sizes="16KiB")


@pytest.mark.parametrize("workers", [1, 2])
def test_pause_step_speed_and_capture_change_no_digest(tmp_path, plain, workers):
    directory, seen = tmp_path / "run", []

    def viewer(reader):
        before = reader.poll()[0].windows
        seen.append(send_command(directory, "step"))
        until(lambda: reader.poll()[0].windows == before + 1)
        seen.append(send_command(directory, "capture", "start"))
        seen.append(send_command(directory, "step", "phase"))
        until(lambda: any(mark.end is not None for mark in reader.poll()[0].phases))
        until(lambda: reader.poll()[0].state == "paused")
        seen.append(send_command(directory, "speed", amount=10**9))
        seen.append(send_command(directory, "resume"))

    result = watched(directory, viewer, workers)
    assert (result.digest, seen) == (plain.digest, [""] * 5)
    assert 0 < len(RunReader(directory).packets()) <= sum(link.packets for link in plain.links)


def test_captured_packets_of_a_whole_run_are_all_the_packets(tmp_path, plain):
    directory = tmp_path / "run"
    (directory).mkdir()

    def viewer(reader):
        assert send_command(directory, "capture", "start") == ""
        until(lambda: (directory / "packets-0").exists() and (directory / "packets-1").exists())

    watched(directory, viewer)
    busy = {}
    for row in RunReader(directory).packets():
        busy[row.link] = busy.get(row.link, 0) + row.end - row.start
    assert busy == {link.name: link.busy for link in plain.links}


def test_a_viewer_can_stop_a_run(tmp_path):
    directory = tmp_path / "run"
    result = watched(directory, lambda _: send_command(directory, "stop"))
    assert (result.stopped, RunReader(directory).live) == ("stopped by a viewer", False)


def test_a_speed_limit_holds_a_run_back(tmp_path, plain):
    directory, walls = tmp_path / "run", []

    def viewer(reader):
        send_command(directory, "speed", amount=20_000)
        send_command(directory, "resume")
        begin = time.monotonic()
        until(lambda: not reader.live)
        walls.append(time.monotonic() - begin)

    result = watched(directory, viewer)
    due = result.sim_time / 10**6 / 20_000
    assert (result.digest, walls[0] > 0.8 * due) == (plain.digest, True)


def test_a_run_says_that_it_lives_and_two_viewers_talk_to_it_at_once(tmp_path, plain):
    directory, seen = tmp_path / "run", []

    def viewer(reader):
        with socket_address(directory) as address:
            one, other = (socket.socket(socket.AF_UNIX) for _ in range(2))
            for end in (one, other):
                end.connect(address)
        other.sendall(b'{"action":"pause"}\n')
        one.sendall(b'{"action":"pa')
        seen.append(json.loads(other.makefile().readline()))
        one.sendall(b'use"}\n')
        seen.append(json.loads(one.makefile().readline()))
        seen.append(reader.live)
        one.close()
        other.close()

    result = watched(directory, viewer)
    assert (seen, result.digest) == ([{"ok": True, "error": ""}] * 2 + [True], plain.digest)


def test_garbage_is_refused_and_a_client_that_never_reads_is_dropped(tmp_path, plain):
    directory, seen = tmp_path / "run", []

    def ask(line):
        with socket_address(directory) as address, socket.socket(socket.AF_UNIX) as end:
            end.connect(address)
            end.sendall(line)
            return json.loads(end.makefile().readline())

    def viewer(_reader):
        lines = [b"\xff\x00\n", b"[]\n", b'{"action":"rm"}\n', b'{"action":"pause","more":1}\n', b"[" * 2000 + b"\n"]
        lines += [b'{"action":"step","argument":"x"}\n', b'{"action":"speed","amount":-1}\n', b"x" * LONGEST]
        seen.extend(ask(line)["ok"] for line in lines)
        with socket_address(directory) as address, socket.socket(socket.AF_UNIX) as silent:
            silent.connect(address)
            silent.settimeout(PATIENCE_S)
            with pytest.raises(OSError, match=r"Broken pipe|reset|timed out"):
                shout(silent)
        seen.append(stat.S_IMODE((directory / SOCKET).stat().st_mode))

    result = watched(directory, viewer)
    assert (seen, result.digest) == ([False] * 8 + [0o600], plain.digest)


def test_a_directory_with_a_path_too_long_for_a_socket_is_served_all_the_same(tmp_path, plain):
    directory = tmp_path / ("long" * 20) / ("path" * 20)
    seen = []
    result = watched(directory, lambda _: seen.append(send_command(directory, "pause")))
    assert (seen, result.digest, len(os.fsencode(directory)) > 108) == ([""], plain.digest, True)


def test_a_command_to_a_run_that_has_ended_says_so(tmp_path):
    assert send_command(tmp_path, "pause") == "the run has ended"


def test_an_unknown_command_is_not_even_sent(tmp_path):
    assert send_command(tmp_path, "explode").startswith("not understood")
