"""`kernbench topology check|show|schema`."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from kernbench.cli.topology import command
from kernbench.common.errors import TopologyError


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(command, arguments, catch_exceptions=False)

    return run


def test_check_says_which_file_it_read_and_that_it_is_ok(invoke):
    lines = invoke("check", "--set", "sips=2").stdout.splitlines()
    assert (lines[0], lines[1], lines[-1]) == (
        "topology: kernbench/data/topology.yaml", "2 SIPs, 1242 nodes, 1504 links, 2 fabric links", "ok",
    )  # fmt: skip


def test_check_as_json_is_one_document(invoke, tmp_path):
    (tmp_path / "topology.yaml").write_text("sips: 1\nsip: {cube_mesh: 1x1}\n")
    document = json.loads(invoke("check", "--json").stdout)
    assert (document["schema"], document["topology"], document["sips"], document["unread_keys"]) == (
        "kernbench/topology-check/1", "topology.yaml", 1, [],
    )  # fmt: skip


def test_check_warns_of_a_key_that_nothing_reads(invoke, tmp_path):
    (tmp_path / "mine.yaml").write_text("sip: {cube_mesh: 1x1}\nfabric: {switch: {overhead_ns: 7}}\n")
    assert invoke("check", "mine.yaml").stderr.splitlines()[0] == (
        "mine.yaml:2:32 fabric.switch.overhead_ns: warning: nothing reads this key here; remove it"
    )


def test_check_raises_what_the_main_command_prints(invoke, tmp_path):
    (tmp_path / "mine.yaml").write_text("sips: 0")
    with pytest.raises(TopologyError, match=r"^mine\.yaml:1:7 sips: expected at least 1, got 0"):
        invoke("check", "mine.yaml")


def test_show_draws_fabric_sip_and_cube(invoke):
    assert (
        invoke("show", "--set", "sips=2", "--set", "cube_mesh=2x2").stdout
        == """\
topology: kernbench/data/topology.yaml

ring of 2 SIPs, 2 links
  50 GB/s, 500 ns, credit 500 ns:
    0->1  1->0

one SIP: IO chiplet and 2x2 cubes
  host <-> io.pcie_ep  64 GB/s, 400 ns
  fabric ports: io.fabric1

  +----+    +--------+    +--------+
  |    |----| cube00 |----| cube01 |
  |    |    +--------+    +--------+
  |    |        |             |
  |    |    +--------+    +--------+
  | io |----| cube02 |----| cube03 |
  +----+    +--------+    +--------+
  ---- UCIe, each way 256 GB/s, 16.01 ns a crossing

one cube: 2x2 routers, 4 PEs, HBM of 4 slices
  r00 ---- r10
   |        |
  r01 ---- r11
  r00: m_cpu  pe0
  r10: pe1  ucie.N
  r01: pe2  ucie.W
  r11: pe3  ucie.E  ucie.S
  ---- NOC, each way 256 GB/s; every router -- xbar 1024 GB/s hbm
"""
    )


@pytest.mark.parametrize("overrides", [["cube_mesh=1x1", "noc.mesh=1x1", "sips=1"], ["cube_mesh=5x3", "noc.mesh=3x4"],
                                       ["fabric.kind=switch", "cube_mesh=1x1"]])  # fmt: skip
def test_show_draws_every_shape(invoke, overrides):
    result = invoke("show", *(part for override in overrides for part in ("--set", override)))
    assert result.exit_code == 0


def test_show_as_json_lists_nodes_and_links(invoke):
    document = json.loads(invoke("show", "--json", "--set", "cube_mesh=1x1").stdout)
    assert (document["nodes"][0], document["fabric"][0]["name"], document["links"][0]["name"]) == (
        {"name": "host", "kind": "host", "key": "host"}, "sip0->sip1", "host->io.pcie_ep",
    )  # fmt: skip


def test_schema_lists_every_key_with_unit_default_and_meaning(invoke):
    lines = invoke("schema").stdout.splitlines()
    row = next(line for line in lines if line.startswith("sip.ucie.overhead_ns "))
    assert row.split(maxsplit=3) == [
        "sip.ucie.overhead_ns", "8.0", "ns", "a port; a crossing has two, 16 ns. 8.0: UCIe adapter and PHY with FEC",
    ]  # fmt: skip


def test_schema_of_a_file_shows_what_it_changes(invoke, tmp_path):
    (tmp_path / "mine.yaml").write_text("fabric: {links: {'0-1': {bw_gbs: 25}}}\nhost: {colour: red, call_ns: 7}\n")
    keys = {row["key"]: row for row in json.loads(invoke("schema", "mine.yaml", "--json").stdout)["keys"]}
    assert (keys["host.call_ns"]["value"], keys["host.colour"]["value"]) == ("7", "red")
    assert keys["fabric.links.PAIR.bw_gbs"]["value"] == "0-1: 25"


def test_every_default_has_a_meaning(invoke):
    rows = json.loads(invoke("schema", "--json").stdout)["keys"]
    assert [row["key"] for row in rows if not row["meaning"] and not row["key"].endswith(".kind")] == []


def test_importing_the_command_pulls_in_click_alone():
    code = (
        "import sys, importlib.util as u; s = u.spec_from_file_location('t', sys.argv[1]); "
        "m = u.module_from_spec(s); s.loader.exec_module(m); print([n for n in ('yaml', 'msgspec') if n in sys.modules])"
    )
    path = sys.modules["kernbench.cli.topology"].__file__
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
