"""What the keys do: the table of actions, and the commands that change the view or go to the run."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from kernbench.common.errors import KernbenchError, UsageError
from kernbench.common.units import FS_PER_NS, parse_time
from tui.dialogs import Ask, Choose, Read, room
from tui.export import FORMATS, links_csv, moment_json, offline_svg, write
from tui.filter import parse
from tui.left import Left
from tui.rows import SORTS
from tui.screens.timeline import TimelinePage
from tui.source import Source
from tui.text import time

if TYPE_CHECKING:
    from tui.app import Monitor

Opener: TypeAlias = Callable[[str], Source]
"""Finds a run by path or beginning of its name; raises UsageError."""

SEEK_PARTS = 50
SLOWEST_NS = 1


class Action(NamedTuple):
    """Keys (as Textual names them), the action, what the palette and the help call it, the keys as they are shown."""

    keys: str
    action: str
    label: str
    shown: str


ACTIONS = (
    Action("1", "show('overview')", "Overview of all SIPs", "1"),
    Action("2", "show('sip')", "One SIP", "2"),
    Action("3", "show('links')", "All links", "3"),
    Action("4", "show('sync')", "Workers and synchronisation", "4"),
    Action("5", "show('timeline')", "Timeline", "5"),
    Action("left,h", "move(-1, 0)", "", "arrows, hjkl"),
    Action("right,l", "move(1, 0)", "", ""),
    Action("up,k", "move(0, -1)", "", ""),
    Action("down,j", "move(0, 1)", "", ""),
    Action("enter", "open", "Open what is chosen", "Enter"),
    Action("escape", "close", "Go back", "Esc"),
    Action("space", "do('pause_view')", "Pause or resume the picture", "space"),
    Action("P", "do('pause_run')", "Pause or resume the simulation", "P"),
    Action("s", "do('step')", "Step a window (a frame in a replay)", "s"),
    Action("S", "do('step_phase')", "Step to the end of a phase", "S"),
    Action("plus,equals_sign", "do('faster')", "Faster: speed limit of the run, or of the replay", "+"),
    Action("minus", "do('slower')", "Slower", "-"),
    Action("slash", "do('filter')", "Filter links", "/"),
    Action("f", "do('follow')", "Follow the hottest link", "f"),
    Action("p", "do('pin')", "Pin the chosen link to the overview", "p"),
    Action("o", "do('sort')", "Sort links by the next column", "o"),
    Action("left_square_bracket", "do('earlier')", "Seek back", "["),
    Action("right_square_bracket", "do('later')", "Seek forward", "]"),
    Action("g", "do('go')", "Go to a time", "g"),
    Action("r", "do('capture')", "Start or stop a capture for Perfetto", "r"),
    Action("e", "do('export')", "Export the screen: SVG, text, CSV, JSON", "e"),
    Action("d", "do('difference')", "Difference to another run", "d"),
    Action("question_mark", "do('help')", "Help", "?"),
    Action("q", "leave", "Quit", "q"),
    Action("ctrl+c,ctrl+q", "leave", "", ""),
)


class Commands:
    """Everything that `do(...)` names; a run that is over takes no commands and says so."""

    def __init__(self, app: "Monitor", send: Callable[[str, str, int], str], open_run: Opener) -> None:
        self._app = app
        self._view = app.view
        self._send = send
        self._open_run = open_run

    def pause_view(self) -> None:
        """Hold the picture; afterwards a live run is followed from its end."""
        view = self._view
        view.paused = not view.paused
        if not view.paused and view.live:
            self._follow()

    def _follow(self) -> None:
        """Show the end of a live run: whoever asks it for something wants to see that."""
        self._view.paused, self._view.tape.following = False, True

    def pause_run(self) -> None:
        """Pause the simulation, or let it go on."""
        paused = not self._view.sim_paused
        self._tell("pause" if paused else "resume", then=partial(self._set_paused, paused))

    def step(self) -> None:
        """One window of a live run, one frame of a recorded one."""
        if self._view.live:
            self._tell("step", "window", then=self._stepped)
            return
        self._view.paused = True
        self._app.advance(self._view.tape.step())

    def step_phase(self) -> None:
        """A live run goes on to the end of a phase."""
        self._tell("step", "phase", then=self._stepping)

    def faster(self) -> None:
        """Twice the speed."""
        self._speed(2)

    def slower(self) -> None:
        """Half the speed."""
        self._speed(-2)

    def _speed(self, factor: int) -> None:
        view = self._view
        if not view.live:
            view.tape.speed = min(
                64.0, max(1 / 64, view.tape.speed * factor if factor > 0 else view.tape.speed / -factor)
            )
            self._app.say(f"replay at {view.tape.speed:g} times the speed of the run")
            return
        if factor < 0 and not view.speed_ns:
            view.free_ns = view.speed_ns = self._measured_ns()
        # Above what the run did by itself nothing would be held, and without a known limit another viewer's may hold it.
        wanted = view.speed_ns * factor if factor > 0 else max(SLOWEST_NS, view.speed_ns // -factor)
        view.speed_ns = wanted if wanted <= view.free_ns else 0
        text = (
            f"{time(view.speed_ns * FS_PER_NS)} a second" if view.speed_ns else "none, the run is as fast as it can be"
        )
        self._tell("speed", amount=view.speed_ns, then=lambda: self._app.say(f"speed limit: {text}"))

    def _measured_ns(self) -> int:
        """Simulated ns a second of real time, of late; of a run that stands, over all of its time."""
        store, passed_s = self._view.store, self._view.tape.wall_s
        speeds = [
            (frame.now - before.now) / (frame.wall_s - before.wall_s) / FS_PER_NS
            for worker, frame in store.frames.items()
            if (before := store.before.get(worker)) is not None
            and frame.wall_s > before.wall_s
            and frame.now > before.now
        ]
        whole = store.now / passed_s / FS_PER_NS if passed_s else 0.0
        return max(2 * SLOWEST_NS, round(max(speeds, default=whole)))

    def filter(self) -> None:
        """Ask for a filter of links."""
        dialog = Ask("Filter links, such as  sip0 & ucie & util>80", self._view.filter_text, parse, style=self._style)
        self._app.push_screen(dialog, self._filtered)

    def _filtered(self, text: str | None) -> None:
        if text is not None:
            self._view.set_filter(text)
            self._app.action_show("links")
        self._app.redraw()

    def follow(self) -> None:
        """Choose the hottest link again and again, or no more."""
        view = self._view
        view.following_hottest = not view.following_hottest
        view.follow()
        self._app.say("following the hottest link" if view.following_hottest else "not following any more")

    def pin(self) -> None:
        """Pin the chosen link, or unpin it."""
        if not self._view.toggle_pin():
            self._app.say("choose a link first: click it, or 3 and arrows")

    def sort(self) -> None:
        """Sort by the next column."""
        self._view.sort = (self._view.sort + 1) % len(SORTS)
        self._app.say(f"links are sorted by {self._view.sort_name}")

    def earlier(self) -> None:
        """Seek back by a fiftieth of the run."""
        self._seek(self._view.tape.position - self._stride())

    def later(self) -> None:
        """Seek forward by a fiftieth of the run."""
        self._seek(self._view.tape.position + self._stride())

    def _stride(self) -> int:
        workers = len(self._view.plan.layout.workers)
        return max(workers, len(self._view.tape.frames) // SEEK_PARTS // workers * workers)

    def seek_part(self, part: float) -> None:
        """Seek to a part of the run, 0 to 1."""
        self._seek(round(part * len(self._view.tape.frames)))

    def _seek(self, position: int) -> None:
        view = self._view
        frames = view.tape.seek(position)
        if view.live:
            view.paused = True
        view.store.clear()
        self._app.advance(frames)

    def go(self) -> None:
        """Ask for a time to go to."""
        page = self._app.page
        at = page.time() if isinstance(page, TimelinePage) else self._view.store.now
        dialog = Ask(
            "Go to: a simulated time such as 12.5us, or 50%", time(at).replace(" ", ""), self._place, style=self._style
        )
        self._app.push_screen(dialog, lambda text: None if text is None else self._seek(self._place(text)))

    def _place(self, text: str) -> int:
        tape = self._view.tape
        try:
            if text.strip().endswith("%"):
                return round(float(text.strip()[:-1]) / 100 * len(tape.frames))
            return tape.place_of(parse_time(text))
        except (ValueError, OverflowError):
            raise UsageError(f"{text[:40]!r} is no time; write 12.5us, 400ns or 50%") from None

    def capture(self) -> None:
        """Start or stop keeping every packet, for `kernbench trace`."""
        view = self._view
        wanted = not view.capturing
        self._tell("capture", "start" if wanted else "stop", then=partial(self._set_capturing, wanted))

    def export(self) -> None:
        """Ask for a format and write the screen."""
        choices = (("s", "SVG picture"), ("t", "text"), ("c", "CSV of the links"), ("j", "JSON of this moment"))
        self._app.push_screen(Choose("Export this screen as", choices, style=self._style), self._export)

    def _export(self, choice: str | None) -> None:
        page = self._app.page
        if choice is None or page is None:
            return
        makers: dict[str, Callable[[], str]] = {
            "s": lambda: offline_svg(self._app.export_screenshot()),
            "t": page.text,
            "c": lambda: links_csv(self._view),
            "j": lambda: moment_json(self._view),
        }
        text = makers[choice]()
        try:
            path = write(
                self._app.folders(),
                f"monitor-{type(page).__name__.removesuffix('Page').lower()}",
                FORMATS[choice],
                text,
            )
        except KernbenchError as error:
            self._app.say(str(error))
            return
        self._app.say(f"written: {path}")

    def difference(self) -> None:
        """Ask for a run and show what differs."""
        dialog = Ask(
            "Difference to which run? A path or the beginning of a name", "", self._open_run, style=self._style
        )
        self._app.push_screen(dialog, self._compare)

    def _compare(self, name: str | None) -> None:
        from tui.difference import describe  # noqa: PLC0415  # nobody compares before the first picture

        if name is None:
            return
        try:
            text = describe(self._open_run(name), self._app.feeder.source, room(self._app.size.width))
        except KernbenchError as error:  # a damaged record is found as it is read
            self._app.say(str(error))
            return
        self._app.push_screen(Read("Difference of two runs", text, style=self._style))

    def help(self) -> None:
        """Keys, then what this page shows."""
        page = self._app.page
        lines = [*(page.HELP_LINES if page else ()), ""]
        lines += [f"{each.shown:>13}  {each.label or 'Move'}" for each in ACTIONS if each.shown]
        lines.append(f"{'ctrl+p':>13}  All of these by name")
        lines.append("Colour says what blocks and digits say too: idle, then eighths up to full.")
        self._app.push_screen(Read("Help", "\n".join(lines), style=self._style))

    def leave(self) -> None:
        """Quit; with a live run the user says what becomes of it, unless there is only its output left to write."""
        if not self._view.live or self._view.store.state == "ended":
            self._app.exit(Left.ENDED)
            return
        choices = (("d", "detach: the run goes on, its output is in its directory"), ("s", "stop the run, then quit"))
        self._app.push_screen(Choose("The run is still going on", choices, style=self._style), self._left)

    def _left(self, choice: str | None) -> None:
        if choice == "d":
            self._app.exit(Left.DETACHED)
        elif choice == "s":
            self._stop()

    def _stop(self) -> None:
        if self._view.live:
            self._tell("stop", then=partial(self._app.exit, Left.STOPPED))
        else:  # it ended while the question stood there
            self._app.exit(Left.ENDED)

    @property
    def _style(self) -> str:
        return self._app.dialog_style

    def _set_paused(self, paused: bool) -> None:
        self._view.sim_paused = paused
        self._app.say("the simulation is paused" if paused else "the simulation goes on")

    def _stepped(self) -> None:
        self._follow()
        self._set_paused(True)

    def _stepping(self) -> None:
        self._follow()
        self._app.say("the simulation goes on to the end of a phase")

    def _set_capturing(self, capturing: bool) -> None:
        self._view.capturing = capturing
        self._app.say("capturing packets: r stops it" if capturing else "captured; `kernbench trace` writes it")

    def _tell(self, action: str, argument: str = "", amount: int = 0, *, then: Callable[[], object]) -> None:
        """Send a command from a thread: a run that does not answer holds up nothing here."""
        if not self._view.live:
            self._app.say(self._app.feeder.trouble or "this run is over: there is nothing to command")
            return

        def tell() -> None:
            problem = self._send(action, argument, amount)
            self._app.call_from_thread((lambda: self._app.say(f"{action}: {problem}")) if problem else then)

        self._app.run_worker(tell, thread=True, exit_on_error=False)
