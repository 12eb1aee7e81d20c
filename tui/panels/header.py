"""The header: what runs, how far it is, how fast, and whether the picture is live."""

from tui.board import Board
from tui.glyphs import Line, Part
from tui.source import NO_FACTS
from tui.text import clock, count, head, plain, rate, time, width_of

NO_FRAMES = "this run left no frames: there is nothing to replay; `kernbench report` prints what it did leave"

STATES = {
    "running": "headgood", "paused": "headwarn", "waiting": "headwarn",
    "ended": "headdim", "stopped": "headwarn", "failed": "headbad", "killed": "headbad",
}  # fmt: skip


class Header(Board):
    """Two lines: the run, and its phase or the place in a recording."""

    def lines(self, width: int, height: int) -> list[Line]:
        """The most important first; what does not fit is left out from the right."""
        view, store = self.view, self.view.store
        workers = len(view.plan.layout.workers)
        frames = store.frames.values()
        now = store.now
        lag = now - min((frame.now for frame in frames), default=0)
        speed = sum(store.events_per_s(worker) for worker in store.frames)
        state = view.state
        title = head(view.title, min(width_of(view.title), max(12, width // 4)))
        parts: list[list[Part]] = [
            [(f" {state.upper()} ", STATES.get(state, "headdim"))],
            [(title, "headbold")],
            [("sim ", "headdim"), (f"{time(now):>8}", "headbold")],
            [self._mode()],
        ]
        if not view.live and len(view.tape.frames):
            parts.append([(f"{clock(view.tape.wall_s)} of {clock(view.tape.length_s)}", "head")])
        parts += [
            [(f"{count(speed)} ev/s", "head")],
            [(f"{workers} worker{'s' * (workers > 1)}", "head")],
            *([[("lag ", "headdim"), (time(lag), "head")]] if workers > 1 else []),
            [(f"{view.hertz:g} Hz", "headwarn" if view.slow else "headdim"), *([(" slow ", "headwarn")] * view.slow)],
        ]
        if view.capturing:
            parts.insert(3, [(" CAPTURE ", "headbad")])
        if height == 1 and (said := self._said()):
            return [_line_of(said, width)]
        first = _join(parts, width)
        return [first] if height == 1 else [first, self._second(width)]

    def _said(self) -> str:
        """What there is to say before all else: a notice, or why there is no picture."""
        view = self.view
        if not view.notice and not view.live and view.facts is not NO_FACTS and not view.tape.frames:
            return NO_FRAMES
        return view.notice

    def _mode(self) -> Part:
        view = self.view
        if view.paused:
            return (" VIEW PAUSED ", "headwarn")
        if view.live:
            return (" LIVE ", "headgood") if view.tape.following else (" LIVE, BEHIND ", "headwarn")
        return (" REPLAY ", "headkey")

    def _second(self, width: int) -> Line:
        view, store, glyphs = self.view, self.view.store, self.view.glyphs
        if said := self._said():
            return _line_of(said, width)
        parts: list[list[Part]] = []
        phases = store.open_phases()
        if phases:
            name = head(plain(phases[0].name), min(40, width_of(plain(phases[0].name))))
            parts.append([(" phase ", "headdim"), (name, "headbold")])
            parts.append([("for ", "headdim"), (time(max(0, store.now - phases[0].start)), "head")])
        else:
            parts.append([(" phase ", "headdim"), (glyphs.dot, "headdim")])
        memory = sum(store.sip_rate(sip) for sip in range(view.plan.sips))
        fabric = sum(store.fabric_rate(sip) for sip in range(view.plan.sips))
        parts.append([("hbm ", "headdim"), (rate(memory), "head")])
        parts.append([("fabric ", "headdim"), (rate(fabric), "head")])
        if not view.live and view.tape.frames:
            cells = 20
            done = view.tape.position * cells // len(view.tape.frames)
            parts.append([(glyphs.full * done, "headkey"), (glyphs.empty * (cells - done), "headdim")])
        return _join(parts, width)


def _line_of(text: str, width: int) -> Line:
    return ((f" {head(plain(text), width - 1)}", "headkey"),)


def _join(groups: list[list[Part]], width: int) -> Line:
    """The groups with two blanks between them, as far as they fit, on the header's ground."""
    line: list[Part] = []
    used = 0
    for group in groups:
        size = sum(width_of(text) for text, _ in group)
        if used + size + (2 if line else 0) > width:
            break
        if line:
            line.append(("  ", "head"))
            used += 2
        line += group
        used += size
    line.append((" " * (width - used), "head"))
    return tuple(line)
