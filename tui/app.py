"""The monitor: one application over one run, live or recorded."""

import gc
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.scrollbar import ScrollBar

from kernbench.common.errors import KernbenchError
from kernbench.telemetry.frame import Frame
from tui.actions import ACTIONS, Commands, Opener
from tui.ascii_parts import AsciiBars, AsciiPalette
from tui.board import Board
from tui.dialogs import CSS as DIALOGS
from tui.feeder import Feeder
from tui.glyphs import ASCII, Glyphs
from tui.ink import Ink
from tui.left import Left
from tui.pace import Pace
from tui.page import Page
from tui.palette import palette_for
from tui.plan import Plan
from tui.screens import PAGES
from tui.terminal import Terminal
from tui.text import plain
from tui.view import View

MOST_FRAMES = 400
"""Frames taken in between two pictures: a long record is read in pieces, and keys are answered between them."""

YOUNG = 20_000
"""Objects made between two collections: a picture makes some thousand that live until the next one."""

NOTICE = 40
"""Pictures that a notice stays for."""


class Monitor(App[Left]):
    """Shows what `feeder` reads; `send` is the way to the run, `open_run` finds another one to compare with."""

    CSS = "Page { background: #0b0f14; color: #c9d4e3; layout: vertical; overflow: hidden; }" + DIALOGS
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(each.keys, each.action, each.label, show=False, priority=each.action == "leave" and "ctrl" in each.keys)
        for each in ACTIONS
    ]

    def __init__(
        self,
        feeder: Feeder,
        glyphs: Glyphs,
        send: Callable[[str, str, int], str],
        open_run: Opener,
        pace: Pace | None = None,
        color_system: str | None = None,
    ) -> None:
        super().__init__(driver_class=Terminal)
        self.feeder = feeder
        self.pace = pace or Pace()
        layout = feeder.source.layout
        arguments = " ".join(f"{name}={value}" for name, value in layout.arguments.items())
        title = plain(f"{layout.bench} {arguments}".strip())
        chosen = palette_for(color_system or self.console.color_system, no_color=self.no_color)
        self.view = View(Plan(layout), glyphs, chosen, title)
        self.ink = Ink(chosen, lambda strip: strip.render(self.console))
        self.view.live = self.view.tape.following = feeder.live
        self.commands = Commands(self, send, open_run)
        self._pages: dict[str, Page] = {}
        self._notice_left = 0
        self._captured = False
        self._last_s = 0.0
        self._is_over: Callable[[], bool] = lambda: False
        self.failure: Exception | None = None
        self.title = f"kernbench monitor: {plain(layout.bench)}"

    def show(self, is_over: Callable[[], bool]) -> Left:
        """Be all that this process does until the user leaves, the terminal goes away or `is_over` says so.

        It is asked before every picture. A failure is raised once the terminal is as it was.
        """
        self._is_over = is_over
        gc.freeze()  # modules and the layout stay: no collection need look at them
        gc.set_threshold(YOUNG)
        if self.view.glyphs is ASCII:
            ScrollBar.renderer = AsciiBars
        left = self.run()
        if self.failure is not None:
            raise self.failure
        return left or Left.ENDED

    @property
    def dialog_style(self) -> str:
        """The class of a dialog's frame."""
        return "ascii" if self.view.glyphs is ASCII else ""

    def on_mount(self) -> None:
        """Show the overview and begin to read."""
        self.feeder.start()
        self._last_s = perf_counter()
        self.push_screen(self._page("overview"))
        self.set_timer(self.pace.period_s, self._beat)

    def on_unmount(self) -> None:
        """The thread ends with the picture."""
        self.feeder.stop()

    def _handle_exception(self, error: Exception) -> None:
        """The first failure is kept: who runs the monitor tells of it once the terminal is as it was."""
        self.failure = self.failure or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Leave, without Textual's own pages of traceback."""
        self._close_messages_no_wait()

    @property
    def page(self) -> Page | None:
        """The page that is shown, or that lies below a dialog."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def _page(self, name: str) -> Page:
        if name not in self._pages:
            self._pages[name] = PAGES[name](self.view)
            self.install_screen(self._pages[name], name)  # others Textual takes apart as they go, and they draw no more
        return self._pages[name]

    def _beat(self) -> None:
        """One picture, and a timer for the next: what Textual does with a screen that goes away must not end the row."""
        if self._is_over() or (isinstance(self._driver, Terminal) and self._driver.output.is_gone):
            self.exit()
            return
        begin = perf_counter()
        self.tick(begin - self._last_s)
        self._last_s = begin
        self.call_after_refresh(self._drawn, begin)
        period_s = self.pace.period_s
        self.set_timer(max(period_s / 2, period_s - (perf_counter() - begin)), self._beat)

    def _drawn(self, begin: float) -> None:
        end = perf_counter()
        self.pace.note(end - begin, end)

    def tick(self, passed_s: float) -> None:
        """Take in what was read and draw what changed; real time has passed since the tick before."""
        view = self.view
        fresh = self.feeder.take(MOST_FRAMES)
        view.tape.extend(fresh)
        for frame in fresh:
            view.activity.add(frame)
            if frame.worker == 0:  # where a run is held; another viewer may have done it
                view.sim_paused = frame.state == "paused"
        view.live = self.feeder.live
        if self._captured != self.feeder.capturing:  # another viewer may have asked, or this one before it left
            view.capturing = self._captured = self.feeder.capturing
        view.facts = self.feeder.facts
        view.hertz, view.slow = round(1 / self.pace.period_s, 1), self.pace.slow
        if self.feeder.trouble and not view.notice:
            self.say(f"the run cannot be read any more: {self.feeder.trouble}")
        if not view.paused:
            self.advance(view.tape.follow() if view.tape.following else view.tape.play(passed_s))
        if self._notice_left:
            self._notice_left -= 1
            if not self._notice_left:
                view.notice = ""
        self.redraw()

    def advance(self, frames: Iterable[Frame]) -> None:
        """Take frames into the picture."""
        self.view.store.apply(frames)
        self.view.follow()

    def redraw(self) -> None:
        """Draw what changed on the page that is shown; below a dialog Textual must."""
        page = self.page
        if page is None:
            return
        if self.screen is not page or self._batch_count:
            page.redraw()
        elif picture := self.ink.draw(page.boards, page.region):
            self._display(page, picture)

    def say(self, text: str) -> None:
        """Show a notice in the header for some seconds."""
        self.view.notice = plain(text)
        self._notice_left = NOTICE
        self.redraw()

    def on_board_picked(self, message: Board.Picked) -> None:
        """The mouse chose something."""
        if message.opened:
            self.action_open()
        self.redraw()

    async def on_board_asked(self, message: Board.Asked) -> None:
        """The mouse asked for an action."""
        await self.run_action(message.action)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002  # Textual's signature
        """The actions of this monitor, by name."""
        for each in ACTIONS:
            if each.label:
                yield SystemCommand(
                    each.label, f"key {each.shown}", lambda each=each: self.call_later(self.run_action, each.action)
                )

    def action_command_palette(self) -> None:
        """Ctrl+P: Textual's palette, or the one in ASCII."""
        if self.view.glyphs is not ASCII:
            super().action_command_palette()
        elif not isinstance(self.screen, CommandPalette):
            self.push_screen(AsciiPalette())

    # The pages

    def action_show(self, name: str) -> None:
        """Go to a page."""
        page = self._page(name)
        if self.screen is not page:
            self.switch_screen(page)

    def action_move(self, across: int, down: int) -> None:
        """An arrow key."""
        if self.page is not None:
            self.view.following_hottest = False
            self.page.move(across, down)
            self.redraw()

    def action_open(self) -> None:
        """Enter."""
        self._go(self.page.open() if self.page else "")

    def action_close(self) -> None:
        """Esc."""
        self._go(self.page.back() if self.page else "")

    def _go(self, name: str) -> None:
        if name:
            self.action_show(name)
        self.redraw()

    # What is done to the view or the run

    async def action_leave(self) -> None:
        """Quit, after asking when the run goes on; while a dialog asks, nothing is asked on top of it."""
        if isinstance(self.screen, Page):
            self.commands.leave()
        else:
            self.screen.dismiss(None)

    def action_do(self, name: str) -> None:
        """Do one of the commands; what cannot be done is said."""
        try:
            getattr(self.commands, name)()
        except KernbenchError as error:
            self.say(str(error))
        self.redraw()

    def folders(self) -> list[Path]:
        """Where exports go: the directory of the run, else the current one."""
        return [self.feeder.source.directory, Path()]
