"""The footer: the keys that do something here, each to be clicked too."""

from typing import NamedTuple

from tui.board import Board
from tui.glyphs import Line, Part
from tui.view import View


class Key(NamedTuple):
    """A key, what it does, and the action of the application."""

    key: str
    label: str
    action: str


SCREENS = (
    Key("1", "All", "show('overview')"),
    Key("2", "SIP", "show('sip')"),
    Key("3", "Links", "show('links')"),
    Key("4", "Sync", "show('sync')"),
    Key("5", "Time", "show('timeline')"),
)
LAST = (Key("e", "Export", "do('export')"), Key("?", "Help", "do('help')"), Key("q", "Quit", "leave"))


class Footer(Board):
    """One line; keys of the screen stand before those of every screen, and those at the end give way first."""

    def __init__(self, view: View, own: tuple[Key, ...], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(view, id=id)
        self._own = own
        self._spots: list[tuple[int, int, str]] = []

    def lines(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  # it has one line
        """As many keys as fit, help and quit always."""
        live = (
            (Key("P", "Hold run" if not self.view.sim_paused else "Let run", "do('pause_run')"),)
            if self.view.live
            else ()
        )
        seek = () if self.view.live else (Key("[ ]", "Seek", "do('later')"),)
        middle = [*self._own, Key("space", "Pause", "do('pause_view')"), *live, *seek]
        always = [*SCREENS, *LAST[1:]]
        room = width - sum(_size(key) for key in always)
        keys = []
        for key in [*middle, LAST[0]]:
            if _size(key) > room:
                break
            room -= _size(key)
            keys.append(key)
        line: list[Part] = []
        self._spots = []
        place = 0
        for key in [*SCREENS, *keys, *LAST[1:]]:
            line += [(f" {key.key}", "headkey"), (f" {key.label} ", "head")]
            self._spots.append((place, place + _size(key), key.action))
            place += _size(key)
        line.append((" " * max(0, width - place), "head"))
        return [tuple(line)]

    def target(self, x: int, y: int) -> bool:  # noqa: ARG002  # it has one line
        """Do what the key there does."""
        for begin, end, action in self._spots:
            if begin <= x < end:
                self.post_message(self.Asked(action))
        return False


def _size(key: Key) -> int:
    return len(key.key) + len(key.label) + 3
