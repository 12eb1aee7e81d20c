"""What the monitor writes when asked: the screen as SVG and text, the links as CSV, the moment as JSON."""

import csv
import json
import re
from io import StringIO
from pathlib import Path

from kernbench.common.errors import OutputError
from tui.glyphs import percent_of
from tui.rows import figures, select
from tui.view import View

FORMATS = {"s": "svg", "t": "txt", "c": "csv", "j": "json"}
FONT = "DejaVu Sans Mono"


def offline_svg(svg: str) -> str:
    """Textual's screenshot without the font that it would fetch from the net."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", FONT)


def links_csv(view: View) -> str:
    """All links that pass the filter, in the order of the table; units in the column names."""
    page = StringIO()
    table = csv.writer(page, lineterminator="\n")
    table.writerow(
        ["link", "kind", "sip", "now_percent", "avg_percent", "p99_percent", "gbs", "bw_gbs", "queue", "stall_by"]
    )
    for link in select(view):
        place, figure = view.plan.layout.links[link], figures(view, link)
        hot = view.store.hot.get(link)
        table.writerow(
            [
                view.plan.names[link], place.kind, place.sip,
                *(percent_of(value) for value in (figure.now, figure.average, figure.p99)),
                f"{view.store.gbs(link) / 1e9:.3f}", place.bw / 1e9,
                hot.queue if hot else "", hot.reason if hot else "",
            ]
        )  # fmt: skip
    return page.getvalue()


def moment_json(view: View) -> str:
    """Workers, phases and busy links at this moment."""
    store = view.store
    document = {
        "schema": "kernbench/moment/1",
        "title": view.title,
        "sim_time_fs": store.now,
        "state": view.state,
        "workers": [
            {
                "worker": worker,
                "sim_time_fs": frame.now,
                "events": frame.events,
                "windows": frame.windows,
                "messages": frame.messages,
                "wait_share": round(store.wait_share(worker), 4),
                "rss_bytes": frame.rss,
            }
            for worker, frame in sorted(store.frames.items())
        ],
        "phases": [
            {"sip": mark.sip, "name": mark.name, "start_fs": mark.start, "end_fs": mark.end}
            for mark in sorted(store.phases.values(), key=lambda each: (each.start, each.sip))
        ],
        "links_percent": {
            view.plan.names[link]: percent_of(value) for link, value in enumerate(store.links[:-1]) if value
        },
    }
    return json.dumps(document, indent=2) + "\n"


def write(folders: list[Path], stem: str, suffix: str, text: str) -> Path:
    """Write a new file into the first folder that can be written; nothing is overwritten."""
    trouble = "there is no folder"
    for folder in folders:
        number = 0
        while True:
            path = folder / f"{stem}-{number:03}.{suffix}"
            try:
                file = path.open("x", encoding="utf-8")
            except FileExistsError:
                number += 1
                continue
            except OSError as error:
                trouble = f"{path}: {error.strerror}"
                break
            try:
                with file:
                    file.write(text)
            except OSError as error:  # a full disk has room for the name alone
                path.unlink(missing_ok=True)
                trouble = f"{path}: {error.strerror}"
                break
            else:
                return path
    raise OutputError(f"export: {trouble}; start the monitor in a folder that can be written")
