"""The monitor in a real terminal: drawn, left with a key, and the terminal is as it was."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

import pyte
import pytest


def wait_for(fd, stream, seen, done):
    """Feed what comes into the terminal until `done()`, or for 20 s."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, b"".join(seen)[-2000:]
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                return
            seen.append(data)
            stream.feed(data)


@pytest.mark.parametrize(("columns", "lines", "options"), [(120, 40, []), (80, 24, ["--ascii"])])
def test_a_recorded_run_is_replayed_and_q_gives_the_terminal_back(sim, tmp_path, columns, lines, options):
    sim(sips=2, overrides=["sip.cube_mesh=2x2"], telemetry=tmp_path / "run").run("allreduce", sizes="16KiB")
    child, fd = pty.fork()
    if not child:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-m", "kernbench", "monitor", str(tmp_path / "run"), *options])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    screen, seen = pyte.Screen(columns, lines), []
    stream = pyte.ByteStream(screen)
    wait_for(fd, stream, seen, lambda: any("Quit" in line for line in screen.display))
    text = "\n".join(screen.display)
    assert ("allreduce" in text, text.isascii()) == (True, bool(options)), text
    os.write(fd, b"q")
    ended = []
    wait_for(fd, stream, seen, lambda: ended.append(os.waitpid(child, os.WNOHANG)) or ended[-1][0] == child)
    if not ended or ended[-1][0] != child:
        ended.append(os.waitpid(child, 0))
    os.close(fd)
    out = b"".join(seen)
    assert (ended[-1][1], b"\x1b[?1049h" in out, out.rfind(b"\x1b[?1049l") > out.rfind(b"\x1b[?1049h")) == (
        0,
        True,
        True,
    )
