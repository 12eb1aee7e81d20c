"""A real terminal for the tests of this folder: a process of ours on a pty, its screen kept by pyte."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from contextlib import suppress

import pyte
import pytest

PATIENCE_S = 30.0
FOREIGN = ("COLUMNS", "LINES", "NO_COLOR", "COLORTERM")


class Terminal:
    """A process of this Python on a terminal of its own; `said` is every byte that it wrote."""

    def __init__(self, *words, columns=120, lines=40, folder=None, **environment):
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.said = b""
        self.code = None
        self.pid, self._fd = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            if folder is not None:
                os.chdir(folder)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a background job's child would ignore some
                signal.signal(number, signal.SIG_DFL)
            # An environment of its own: readline, if anybody imported it, put COLUMNS where os.environ does not see it.
            kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
            os.execve(sys.executable, [sys.executable, *words], {**kept, "TERM": "xterm-256color", **environment})
        self._modes = termios.tcgetattr(self._fd)

    @property
    def text(self):
        """What stands on the screen."""
        return "\n".join(self.screen.display)

    def until(self, *words):
        """Read until all the words stand on the screen."""
        self._read(lambda: all(word in self.text for word in words))
        assert all(word in self.text for word in words), (words, self.text)

    def until_gone(self, word):
        """Read until the word stands on the screen no more."""
        self._read(lambda: word not in self.text)
        assert word not in self.text, (word, self.text)

    def until_there(self, path):
        """Read until a file is there."""
        self._read(path.exists)
        assert path.exists(), self.text

    def press(self, keys):
        """Type."""
        os.write(self._fd, keys.encode())

    def hang_up(self):
        """Close the window; the exit code of the process, which must end of that."""
        os.close(self._fd)
        self._fd = -1
        self._read_no_more(time.monotonic() + PATIENCE_S)
        assert self.code is not None
        return self.code

    def end(self):
        """Read until the process has ended; its exit code, negative for a signal."""
        self._read(self._ended)
        assert self.code is not None, self.text
        return self.code

    def kill(self):
        """End it at once, if it runs."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self):
        """Kill it and let the terminal go."""
        self.kill()
        if self._fd >= 0:
            os.close(self._fd)

    @property
    def is_restored(self):
        """Whether it was drawn on and is as it was: first screen, cursor, no mouse, its modes, echo among them."""
        pairs = ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1000h", b"\x1b[?1000l"))
        left = [0 <= self.said.rfind(on) < self.said.rfind(off) for on, off in pairs]
        return all(left) and termios.tcgetattr(self._fd) == self._modes

    def _ended(self):
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                while self._fd >= 0 and select.select([self._fd], [], [], 0)[0] and self._take():
                    pass
        return self.code is not None

    def _read(self, done):
        deadline = time.monotonic() + PATIENCE_S
        while not done() and time.monotonic() < deadline:
            if select.select([self._fd], [], [], 0.05)[0] and not self._take():
                self._read_no_more(deadline)
                return

    def _read_no_more(self, deadline):
        """The other side of the terminal is closed: the process is about to end."""
        while not self._ended() and time.monotonic() < deadline:
            select.select([], [], [], 0.01)

    def _take(self):
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.said += data
        self._stream.feed(data)
        return bool(data)


@pytest.fixture
def terminal():
    """Makes terminals; whatever still runs on them is killed afterwards."""
    made = []

    def make(*words, **options):
        made.append(Terminal(*words, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
