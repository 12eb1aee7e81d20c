"""The difference of two runs: rows of the same work side by side, in lines that fit the dialog."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from kernbench.telemetry.rows import LinkRow
from tui.dialogs import room
from tui.difference import describe


def row(size, time_ns):
    return {"size_bytes": size, "dtype": "float32", "algo": "ring", "time_ns": time_ns, "wrong": 0}


def run(name, *rows, busy=1000):
    link = "sip0.io.ucie.r0->cube00.ucie.W"
    links = [LinkRow(link, "noc", 256 * 10**9, 9, 10**6, busy * 10**6, {})]
    return SimpleNamespace(directory=Path(name), document={"sim_time_ns": 2000.0, "rows": [*rows]}, links=lambda: links)


def test_rows_of_the_same_size_are_compared_whatever_their_place():
    text = describe(run("old", row(4096, 100.0), row(8192, 200.0)), run("new", row(8192, 300.0), row(64, 1.0)), 80)
    lines = [line.split() for line in text.splitlines()]
    assert ["8192", "B", "float32", "ring"] in lines
    assert ["time", "200.0", "ns", "300.0", "ns", "+50.0%"] in lines
    assert [words[0] for words in lines if words].count("time") == 1
    assert "1 row has no like before" in text


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 160])
def test_no_line_is_wider_than_the_dialog(columns):
    text = describe(run("old", row(4096, 100.0)), run("new", row(4096, 300.0), busy=2000), room(columns))
    assert max(map(len, text.splitlines())) <= room(columns)
    assert ("1.0 MB" in text) is (columns >= 100)


def test_how_a_run_failed_and_links_of_one_of_them_alone_are_told():
    failed = run("new", row(4096, 300.0))
    failed.document["status"] = {"exit": 3, "kind": "deadlock"}
    other = LinkRow("sip1.io.ucie.r0->cube00.ucie.W", "noc", 256 * 10**9, 9, 10**6, 10**9, {})
    failed.links = lambda: [other]
    lines = describe(run("old", row(4096, 100.0)), failed, 80).splitlines()
    assert lines[:2] == ["from old", "to   new   ended by: deadlock"]
    assert lines[-2:] == ["no link that both used differs", "2 links were used in one of them alone"]
