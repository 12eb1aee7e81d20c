"""The workers: simulated time, lag, speed, waiting, messages and memory of each process."""

from tui.board import Board
from tui.glyphs import Line, Part, cells
from tui.rows import cut
from tui.text import count, fit, head, size, time


class Workers(Board):
    """A row for each worker, then a row for each SIP."""

    def lines(self, width: int, height: int) -> list[Line]:
        """Columns that matter least are left out of a narrow table."""
        view, store = self.view, self.view.store
        now = store.now
        wide = width >= 100
        heading = f" {'W':<3}{'SIPS':<9}{'STATE':<9}{'SIM TIME':>10}{'LAG':>10}{'EV/S':>9}{'WAIT':>6}"
        heading += f"{'ROUNDS':>9}{'ROUNDS/S':>10}{'MESSAGES':>10}{'CPU':>6}{'RSS':>9}" if wide else f"{'RSS':>9}"
        lines: list[Line] = [((head(heading, width), "head"),)]
        for worker, own in enumerate(view.plan.layout.workers):
            frame = store.frames.get(worker)
            sips = fit(",".join(map(str, own)) if len(own) <= 3 else f"{own[0]}..{own[-1]}", 8)
            if frame is None:
                lines.append(((f" {worker:<3}{sips} ", "title"), ("no frame yet", "dim")))
                continue
            lag, wait = now - frame.now, store.wait_share(worker)
            state = view.told(frame.state)
            parts: list[Part] = [
                (f" {worker:<3}", "title"), (f"{sips} ", ""), (f"{state:<9}", "good" if state == "running" else "warn"),
                (f"{time(frame.now):>10}", "bold"), (f"{time(lag) if lag else '0':>10}", "warn" if lag else ""),
                (f"{count(store.events_per_s(worker)):>9}", ""),
                (f"{wait * 100:5.0f}%", "warn" if wait > 0.3 else ""),
            ]  # fmt: skip
            if wide:
                parts += [
                    (f"{frame.windows:>9,}", ""), (f"{count(store.windows_per_s(worker)):>10}", ""),
                    (f"{frame.messages:>10,}", ""), (f"{store.cpu_share(worker) * 100:5.0f}%", ""),
                ]  # fmt: skip
            parts.append((f"{size(frame.rss):>9}", ""))
            lines.append(tuple(parts))
        lines += [(), *self._verdict(width), (), *self._sips(width)]
        return cut(lines, height, width)

    def _verdict(self, width: int) -> list[Line]:
        """Who holds the others up, how far they may run ahead, and what the processes are worth."""
        view, store = self.view, self.view.store
        frames = [*store.frames.values()]
        if not frames:
            return [((" nothing was published yet", "dim"),)]
        lookahead = min(frame.lookahead for frame in frames)
        waits = store.state != "paused" and any(state.waiters for state in store.sips.values())
        stuck = waits or view.status.get("kind") == "deadlock"
        groups: list[tuple[Part, Part]] = [((" lookahead ", "dim"), (time(lookahead), "bold"))]
        if len(view.plan.layout.workers) > 1:
            slowest = min(frames, key=lambda frame: (store.wait_share(frame.worker), frame.worker))
            groups.append((("   waits least, so holds the others up: ", "dim"), (f"worker {slowest.worker}", "bold")))
            wall = max(frame.wall_s for frame in frames)
            busy = sum(frame.cpu_s for frame in frames)
            if wall:
                groups.append((("   processes at work: ", "dim"), (f"{busy / wall:.1f} of {len(frames)}", "bold")))
        last: tuple[Part, Part] = (
            ("   stuck: ", "dim"), ("yes, see below" if stuck else "no", "bad" if stuck else "good"),
        )  # fmt: skip
        room = width - cells(last)
        line: list[Part] = []
        for group in groups:
            room -= cells(group)
            if room < 0:
                break
            line += group
        return [(*line, *last)]

    def _sips(self, width: int) -> list[Line]:
        view, store = self.view, self.view.store
        heading = f" {'SIP':<12}{'WORKER':<9}{'CLOCK':>10}{'EVENTS':>10}{'PE RUNS':>9}   COMPUTE / MOVE"
        lines: list[Line] = [((head(heading, width), "head"),)]
        for sip in range(view.plan.sips):
            state = store.sips.get(sip)
            if state is None:
                continue
            shares = [*store.shares[sip]]
            spark = max(0, (width - 55) // 2)
            lines.append(
                (
                    (f" SIP{sip:<9}", "title"), (f"{view.plan.worker_of.get(sip, 0):<9}", ""),
                    (f"{time(state.now):>10}{count(state.events):>10}{state.kernels:>9}   ", ""),
                    (view.glyphs.spark([each[0] for each in shares], spark), "compute"), (" ", ""),
                    (view.glyphs.spark([each[1] for each in shares], spark), "comm"),
                )
            )  # fmt: skip
        return lines
