"""The document and the page of a report: the schema holds, figures are equal, text is text, nothing comes from outside."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import kernbench
from kernbench.common.units import carry_time
from kernbench.reporting.difference import compare
from kernbench.reporting.page import page
from kernbench.reporting.sheet import sheet
from kernbench.reporting.summary import summarise
from kernbench.telemetry.layout import Layout, LinkPlace, UnitPlace
from kernbench.telemetry.rows import KernelRow, LinkRow, OperationRow, PhaseRow, Utilisation
from kernbench.telemetry.trace_records import HeldRecords

SCHEMA = json.loads((Path(kernbench.__file__).parent / "data" / "report.schema.json").read_text())
US = 10**9
NASTY = "</script><img src=x onerror=alert(1)>[/]\x1b[31m\u202egnp.exe"


def layout(sips=2, rows=2, cols=2):
    links, units = [], []

    def link(source, target, kind, sip):
        links.append(LinkPlace(f"{source}->{target.partition('.')[2]}", kind, sip, source, target, 256 * 10**9))

    for sip in range(sips):
        for cube in range(rows * cols):
            name = f"sip{sip}.cube{cube:02d}"
            link(f"{name}.r00", f"{name}.r10", "noc", sip)
            link(f"{name}.xbar", f"{name}.hbm", "hbm", sip)
            link(f"{name}.pe0.dma", f"{name}.r00", "pe", sip)
            units.append(UnitPlace(f"{name}.pe0.math", "math", sip))
            if (cube + 1) % cols:
                link(f"{name}.ucie.E", f"sip{sip}.cube{cube + 1:02d}.ucie.W", "ucie", sip)
        link(f"sip{sip}.io.ucie.r0", f"sip{sip}.cube00.ucie.W", "ucie", sip)
        link(f"sip{sip}.host", f"sip{sip}.io.pcie_ep", "pcie", sip)
        other = (sip + 1) % sips
        links.append(LinkPlace(f"sip{sip}->sip{other}", "fabric", sip, f"sip{sip}", f"sip{other}", 50 * 10**9))
    return Layout("allreduce", {}, sips, rows, cols, 1, tuple(links), tuple(units), ((0, 1),))


def records(name="ring", *, busy=6):
    places = layout()
    pes = ("sip0.cube00.pe0", "sip1.cube00.pe0")
    operations = tuple(
        OperationRow(pe, f"{pe}.math", "math", 1, name, US, US, 2 * US, busy * US, -1, 0, 128, "") for pe in pes
    )
    links = tuple(
        LinkRow(
            link.name, link.kind, link.bw, 4, 512 * (number + 1), (number + 1) * 10**8, {"link_busy": number * 10**6}
        )
        for number, link in enumerate(places.links)
    )
    return HeldRecords(
        document={
            "bench": "allreduce", "sips": 2, "sim_time_fs": 10 * US, "digest": "d", "status": {"exit": 0, "message": ""},
            "topology": {"file": NASTY, "overrides": []},
            "rows": [{"size_bytes": 4096, "dtype": "float32", "time_ns": 5000.0, "busbw_gbs": 1.5, "wrong": None}],
        },
        layout=places,
        operation_rows=operations,
        kernel_rows=tuple(
            KernelRow(pe, name, 0, US, (busy + 1) * US, 1, {f"{pe}.math": ((busy - 2) * US, 2 * US, 0, 0, 0, 0)}) for pe in pes
        ),
        phase_rows=(PhaseRow(0, NASTY, 0, 9 * US), PhaseRow(1, name, US, 8 * US)),
        link_rows=links,
        buckets=Utilisation(
            2 * US,
            {link.name: [link.busy // 4, link.busy - link.busy // 4] for link in links},
            {link.name: [link.moved // 4, link.moved - link.moved // 4] for link in links},
        ),
    )  # fmt: skip


def summary(held, base=None):
    report = summarise(held, Path("runs/one"))
    report["difference"] = None if base is None else compare(report, summarise(base, Path("runs/base")))
    return report


def document(report):
    status = {"exit": 0, "kind": "ok", "message": "", "where": "", "sim_time_ns": None, "waiters": []}
    return {"schema": "kernbench/report/1", "version": "1", "status": status, "runs": [report], "fail_if": None}


class Elements(HTMLParser):
    """The page as the browser sees it: tags with their attributes, tables with their cells, scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.tables, self.scripts = [], {}, {}
        self._table = self._script = self._cell = None
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "table":
            self._table = self.tables.setdefault(attributes.get("id", len(self.tables)), [])
        elif tag == "tr" and self._table is not None:
            self._table.append([])
        elif tag == "td":
            self._cell = [attributes.get("data-v"), ""]
            self._table[-1].append(self._cell)
        elif tag == "script":
            self._script = attributes.get("id", "code")

    def handle_endtag(self, tag):
        if tag in ("td", "script"):
            self._cell = self._script = None

    def handle_data(self, data):
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data
        elif self._cell is not None:
            self._cell[1] += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def shown():
    held = records()
    report = summary(held, records(busy=5))
    return report, Elements(page(report, held))


@pytest.mark.parametrize(
    "held",
    [records(), HeldRecords(), HeldRecords(layout=layout()), HeldRecords(document=records().document)],
    ids=["whole", "nothing", "killed at once", "no record"],
)
def test_every_document_keeps_to_the_published_schema(held):
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document(summary(held, records(busy=5))))
    assert "<h1>" in page(summary(held), held)


def test_what_is_missing_is_said_and_the_rest_is_there():
    killed = summary(HeldRecords(layout=layout(), operation_rows=records().operation_rows))
    assert [sentence.partition(":")[0] for sentence in killed["missing"]] == [
        "run.json", "links", "kernels", "utilisation over time",
    ]  # fmt: skip
    assert killed["critical_path"]["total_ns"] == 6000.0
    assert summary(HeldRecords(document=records().document))["missing"] == [
        "layout: the run was not recorded (--no-record), so engines, links and times are not there"
    ]


def test_the_page_holds_the_document_itself(shown):
    report, elements = shown
    assert json.loads(elements.scripts["report"]) == json.loads(json.dumps(report))


def test_every_cell_of_the_tables_has_the_figure_of_the_document(shown):
    report, elements = shown
    keys = ("name", "kind", "bytes", "packets", "utilization", "peak", "busy_ns", "gbs", "bw_gbs", "blocked_ns")
    cells = [[value if value is not None else text for value, text in row] for row in elements.tables["links"] if row]
    assert cells == [[str(each[key]) for key in keys] for each in report["links"]]
    path = [[value if value is not None else text for value, text in row] for row in elements.tables["path"] if row]
    assert [(row[0], float(row[1]), float(row[2])) for row in path] == [
        (each["kind"], each["time_ns"], each["percent"]) for each in report["critical_path"]["by_kind"]
    ]
    assert next(row for row in elements.tables["rows"] if row)[2] == ["5000.0", "5 us"]


def test_bars_of_the_map_show_the_most_used_of_their_links(shown):
    _, elements = shown
    held, series = records(), json.loads(elements.scripts["series"])
    rates = {link.name: link.bw for link in held.link_rows}
    used = {link.name: carry_time(link.moved, link.bw) for link in held.link_rows}
    bars = {
        attributes["data-title"].partition(":")[0]: int(attributes["data-b"])
        for _, attributes in elements.tags
        if "data-b" in attributes
    }
    title, link = "sip0.cube00 to sip0.cube01", "sip0.cube00.ucie.E->cube01.ucie.W"
    assert series["whole"][bars[title]] == used[link] * 1000 // (10 * US)
    assert series["series"][bars[title]] == [each * 1000 // (2 * US) for each in held.buckets.use(link, rates[link])]
    assert {"sip0.cube00 NOC", "sip0.cube00 HBM", "sip0.cube00 PE", "sip0.io PCIe", "sip0.io to sip0.cube00"} <= {*bars}


def test_nothing_comes_from_outside_and_the_browser_is_told_so(shown):
    _, elements = shown
    urls = [value for _, attributes in elements.tags for key, value in attributes.items() if key in ("src", "href")]
    code = elements.scripts["code"]
    assert (urls, re.findall(r"https?:|fetch\(|XMLHttp|import\(|eval\(", code)) == (["data:,"], [])
    policy = next(each["content"] for tag, each in elements.tags if each.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")


def test_a_name_from_a_file_is_text_whatever_it_holds(shown):
    _, elements = shown
    assert [tag for tag, _ in elements.tags].count("img") == 0
    assert sorted(elements.scripts) == ["code", "report", "series"]
    assert "</script><img src=x onerror=alert(1)>[/]?[31m?gnp.exe" in elements.text


def test_the_sheet_has_a_line_for_each_figure_and_no_formula():
    report = summary(records("=cmd()"))
    report["links"][0]["name"] = "=cmd()"
    lines = sheet([report]).splitlines()
    assert lines[:2] == ["run,table,name,figure,value", "runs/one,total,,sim_time_ns,10000.0"]
    assert "runs/one,row,1,busbw_gbs,1.5" in lines
    assert any(line.startswith("runs/one,links,'=cmd(),busy_ns,") for line in lines)


def test_the_sheet_has_what_bounds_the_run_and_its_rooflines():
    engines = [{"engines": "math", "time_ns": 9.0, "percent": {"busy": 25.0, "no_work": 75.0}}]
    roofline = {"kernel": "add", "pes": 4, "roof_share": 0.5, "most_used_link": None, "engines": engines}
    report = summary(records()) | {"roofline": [roofline]}
    report["bottleneck"] = {"link": {"name": "a->b", "share": 0.25}, "engine": None, "verdict": "a->b, ahead of all"}
    lines = [line.removeprefix("runs/one,") for line in sheet([report]).splitlines()]
    assert [line for line in lines if line.startswith(("bottleneck", "roofline"))] == [
        "bottleneck,,link.name,a->b",
        "bottleneck,,link.share,0.25",
        "bottleneck,,engine,",
        "roofline,add on 4,kernel,add",
        "roofline,add on 4,pes,4",
        "roofline,add on 4,roof_share,0.5",
        "roofline,add on 4,most_used_link,",
        "roofline,add on 4 math,time_ns,9.0",
        "roofline,add on 4 math,percent.busy,25.0",
        "roofline,add on 4 math,percent.no_work,75.0",
    ]


def test_the_page_has_the_rooflines_of_the_run():
    figures = {"matrix_flops": 4000, "vector_flops": 64, "read_bytes": 500, "written_bytes": 70, "flop_per_byte": None}
    rates = {"tflops": 0.5, "peak_tflops": 2.0, "gbs": 1.5, "peak_gbs": 8.0, "roof_share": 0.25}
    line = {"kernel": NASTY, "pes": 1, "launches": 3, "time_ns": 9.0, "bound": "matrix", "why": f"{NASTY} waits"}
    elements = Elements(page(summary(records()) | {"roofline": [line | figures | rates]}, records()))
    (cells,) = [row for row in elements.tables["roofline"] if row]
    assert [float(value) for value, _ in cells if value] == [1, 3, 9.0, 4000, 64, 500, 70, 0.5, 2.0, 1.5, 8.0, 0.25]
    assert not [tag for tag, _ in elements.tags if tag == "img"]
    assert "roofline" not in Elements(page(summary(records()), records())).tables
