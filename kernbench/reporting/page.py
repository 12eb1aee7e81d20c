"""One self-contained page of a run: it needs no network, says the same as the document and can be mailed."""

from importlib.resources import files
from typing import Any

from kernbench.common.units import Fs
from kernbench.reporting import page_tables
from kernbench.reporting.markup import data, percent, text, time
from kernbench.reporting.overlap import sip_times
from kernbench.reporting.page_map import MeshMap
from kernbench.reporting.page_timeline import timeline
from kernbench.telemetry.trace_records import RunRecords

Report = dict[str, Any]
COLOURS = 10
MOST_CHANGES = 20
"""Lines of a table of changes; the document in the page has more."""
KINDS = (
    "var(--compute)",
    "var(--messages)",
    "var(--h3)",
    "var(--h9)",
    "var(--h5)",
    "var(--h1)",
    "var(--soft)",
    "var(--h7)",
)
"""Colours of the parts of the critical path, in order of their size; the legend names each."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The browser itself refuses whatever is not in the page."""
HINT = "Point at a bar to read it. A bar of a cube shows the busiest of its links of that kind."


def page(report: Report, records: RunRecords) -> str:
    """The page as text; what the run did not record is named and left out."""
    title = f"{report['bench'] or 'run'}, {time(report['sim_time_ns'])}"
    mesh, series = _mesh(report, records)
    parts = [
        _head(report, title),
        _section("verdict", "", f"<p>{text(report['bottleneck']['verdict'])}</p>"),
        _missing(report),
        _cards(report),
        _path(report),
        mesh,
        _timeline(report, records),
        _tables(report),
        _difference(report),
        f"<footer>{_footer(report)}</footer>",
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{text(title)} - kernbench</title>\n<style>\n{_file('page.css')}</style>\n</head>\n<body>\n<main>\n"
        f'{body}\n</main>\n<script type="application/json" id="report">{data(report)}</script>\n'
        f'<script type="application/json" id="series">{data(series)}</script>\n'
        f"<script>\n{_file('page.js')}</script>\n</body>\n</html>\n"
    )


def _file(name: str) -> str:
    return files("kernbench.reporting").joinpath(name).read_text(encoding="utf-8")


def _section(kind: str, title: str, body: str, hint: str = "") -> str:
    if not body:
        return ""
    heading = f"<h2>{text(title)}</h2>" if title else ""
    said = f'<p class="hint">{text(hint)}</p>' if hint else ""
    return f'<section class="{kind}">{heading}{said}{body}</section>'


def _head(report: Report, title: str) -> str:
    topology = report["topology"] or {}
    sips = report["sips"]
    words = [] if sips is None else [f"{sips} {'SIP' if sips == 1 else 'SIPs'}"]
    if topology:
        words.append(topology["file"])
        words += topology["overrides"]
    return f'<header><h1>{text(title)}</h1><span class="sub">{text(", ".join(words))}</span></header>'


def _missing(report: Report) -> str:
    lines = "".join(f"<li>{text(sentence)}</li>" for sentence in report["missing"])
    return _section("missing", "What is not here", f"<ul>{lines}</ul>") if lines else ""


def _cards(report: Report) -> str:
    found = [("simulated time", time(report["sim_time_ns"]), "of the last event")]
    bottleneck = report["bottleneck"]
    for key, title, when in (
        ("link_in_kernels", "most used link", "while kernels ran"),
        ("link", "most used link", "over the whole run"),
        ("engine", "busiest engine", "of its kernels' time"),
    ):
        if bottleneck[key] is not None:
            found.append((f"{title}, {when}", percent(bottleneck[key]["share"]), bottleneck[key]["name"]))
    if report["overlap"]:
        hidden, all_of_it = (sum(line[key] for line in report["overlap"]) for key in ("both_ns", "communication_ns"))
        found.append(
            ("communication hidden", percent(hidden / all_of_it if all_of_it else 0.0), "behind compute, all SIPs")
        )
    cards = "".join(
        f'<div class="card"><div class="k">{text(key)}</div><div class="v">{text(value)}</div>'
        f'<div class="d">{text(detail)}</div></div>'
        for key, value, detail in found
    )
    return f'<div class="cards">{cards}</div>'


def _path(report: Report) -> str:
    path = report["critical_path"]
    if path is None:
        return ""
    pairs = [(each, KINDS[min(number, len(KINDS) - 1)]) for number, each in enumerate(path["by_kind"])]
    bars = "".join(
        f'<i style="width:{each["percent"]}%;background:{colour}" title="{text(each["kind"])} {each["percent"]} %"></i>'
        for each, colour in pairs
    )
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{text(each["kind"])} <b>{each["percent"]:.1f} %</b></li>'
        for each, colour in pairs
    )
    tables = page_tables.table(page_tables.PATH, path["by_kind"], name="path")
    tables += page_tables.table(page_tables.PIECES, path["longest"], name="pieces")
    return _section(
        "path", "Critical path", f'<div class="stack">{bars}</div><ul class="legend">{legend}</ul>{tables}',
        f"What the last end waited for, walked back to time 0; the parts sum to {time(path['total_ns'])} exactly.",
    )  # fmt: skip


def _mesh(report: Report, records: RunRecords) -> tuple[str, dict[str, Any]]:
    layout = records.layout
    if layout is None:
        return "", {"width_ns": 0, "buckets": 0, "whole": [], "series": []}
    sim_time: Fs = report["sim_time_fs"]
    drawing = MeshMap(layout, list(records.links()), records.utilisation(), sim_time)
    figures = drawing.draw()
    series = drawing.series()
    slider = ""
    if series["buckets"]:
        slider = (
            '<div class="slider"><button type="button" id="play">play</button>'
            '<button type="button" id="whole">whole run</button>'
            f'<input type="range" id="moment" min="0" max="{series["buckets"]}" value="0" step="1" '
            'aria-label="moment of simulated time"><output id="label">whole run</output></div>'
        )
    scale = "".join(f'<i style="background:var(--h{number})"></i>' for number in range(COLOURS))
    body = (
        f'{slider}<div id="read" data-hint="{text(HINT)}">{text(HINT)}</div><div class="sips{" one" if layout.sips == 1 else ""}">'
        f'{figures}</div><div class="scale">idle <span>{scale}</span> all of its bandwidth</div>'
    )
    hint = "Share of their bandwidth that links use; a bar grows and changes colour with it. Move the slider through the run."
    return _section("mesh", "Links over the mesh", body, hint if slider else hint.partition(" Move")[0]), series


def _timeline(report: Report, records: RunRecords) -> str:
    drawn = timeline(sip_times(records.operations()), records.phases(), report["sim_time_fs"])
    if not drawn:
        return ""
    legend = (
        '<ul class="legend"><li><i style="background:var(--compute)"></i>compute: gemm and math</li>'
        '<li><i style="background:var(--messages)"></i>messages: from send to receive</li>'
        '<li><i style="background:var(--phase)"></i>phases</li></ul>'
    )
    return _section(
        "timeline", "Timeline", f'{legend}<div id="chart" data-end="{report["sim_time_ns"]!r}">{drawn}</div>',
        "How much of each moment a SIP computed and communicated. Click to move the slider there.",
    )  # fmt: skip


def _tables(report: Report) -> str:
    links = page_tables.table(page_tables.LINKS, report["links"], name="links")
    tools = (
        '<div class="tools"><input id="filter" type="search" placeholder="filter, such as: sip0 ucie" aria-label="filter links">'
        '<button type="button" id="all">show all</button></div>'
    )
    return "\n".join(
        (
            _section("rows", "Rows", page_tables.rows_table(report["rows"])),
            _section(
                "engines", "Engines", page_tables.engines_table(report["engines"])
                + page_tables.table(page_tables.BUSIEST, report["busiest_engines"], name="busiest"),
                "Where the time of engines went while kernels ran; each line sums to 100 %.",
            ),
            _roofline(report["roofline"] or []),
            _section("waiting", "Waiting", page_tables.table(page_tables.WAITING, report["waiting"], name="waiting")),
            _section("overlap", "Overlap", page_tables.table(page_tables.OVERLAP, report["overlap"], name="overlap")),
            _section("ops", "Operations", page_tables.table(page_tables.OPERATIONS, report["operations"], name="operations")),
            _section("links", f"Links ({len(report['links'])} used)", tools + links if links else ""),
        )
    )  # fmt: skip


def _roofline(lines: list[dict[str, Any]]) -> str:
    """What `--roofline` said of each kernel."""
    reasons = "".join(
        f"<li>{text(line['kernel'])} on {line['pes']} {'PE' if line['pes'] == 1 else 'PEs'}: {text(line['why'])}</li>"
        for line in lines
    )
    return _section(
        "roofline", "Roofline", page_tables.table(page_tables.ROOFLINE, lines, name="roofline") + f"<ul>{reasons}</ul>",
        "What each kernel did and what the machine allows, all its launches on as many PEs together.",
    ) if lines else ""  # fmt: skip


def _difference(report: Report) -> str:
    difference = report.get("difference")
    if difference is None:
        return ""
    body = "".join(
        page_tables.changes_table(title, difference[key][:MOST_CHANGES])
        for title, key in (
            ("total", "totals"),
            ("critical path", "path"),
            ("row", "rows"),
            ("operations", "operations"),
            ("links", "links"),
        )
    )
    return _section(
        "difference",
        "What changed",
        body or "<p>Nothing.</p>",
        f"Against {difference['base']}; the largest change first.",
    )


def _footer(report: Report) -> str:
    digest = f", digest {report['digest']}" if report["digest"] else ""
    return f"{text(report['run'])}{text(digest)}. Made by kernbench report --html."
