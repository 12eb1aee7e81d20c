"""`kernbench run` from the command line to the printed result, in this process unless it needs its own."""

import json
import os
import re
import subprocess
import sys
from importlib.resources import files

import jsonschema
import pytest

from kernbench.cli import execute
from kernbench.common.errors import ExitCode
from kernbench.runtime_api.bench import bench_names

SMALL = ["--set", "cube_mesh=1x1", "--sips", "2"]
ALONE = [*SMALL, "--workers", "1"]
SCHEMA = json.loads((files("kernbench") / "data" / "run.schema.json").read_text())

BENCH = '''"""A bench of a user's own."""
from kernbench.runtime_api.row import Row

def bench(torch, *, tiles: int = 2, name: str = "a", fast: bool = False):
    for tile in range(tiles):
        yield Row({"tile": tile, "name": name, "fast": fast, "wait_fs": 1500}, 0, 3_000_000, launch=5)

def verify(torch, row):
    return row.columns["tile"]
'''
DEADLOCK = """
def bench(torch):
    dist = torch.distributed
    dist.init_process_group()
    if dist.get_rank() == 0:
        dist.barrier()
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def run(capsys):
    def invoke(*arguments):
        code = execute(["run", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return invoke


@pytest.fixture
def document(run):
    def invoke(*arguments, code=0):
        exit_code, out, _ = run(*arguments, "--json")
        found = json.loads(out)
        jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
        assert (exit_code, found["status"]["exit"]) == (code, code)
        return found

    return invoke


@pytest.fixture
def write(tmp_path):
    def put(name, text):
        (tmp_path / name).write_text(text)
        return name

    return put


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_result_is_the_nccl_tests_table_with_closed_form_and_bound(run):
    code, out, err = run(*ALONE, "-b", "4KiB", "-e", "16KiB")
    lines = out.splitlines()
    head = next(index for index, line in enumerate(lines) if line.split()[:2] == ["(B)", "count"])
    assert (code, err) == (0, "")
    assert lines[head - 1].split() == ["size", "time", "algbw", "busbw", "form", "bound", "launch", "queue", "overlap"]
    assert lines[head].split() == ["(B)", "count", "type", "redop", "(us)", "(GB/s)", "(GB/s)", "#wrong", "(us)",
                                   "(GB/s)", "(us)", "(us)", "(us)"]  # fmt: skip
    assert [line.split()[:4] for line in lines[head + 1 : head + 3]] == [
        ["4096", "1024", "float32", "sum"], ["16384", "4096", "float32", "sum"],
    ]  # fmt: skip
    assert [line.split()[7] for line in lines[head + 1 : head + 3]] == ["0", "0"]


def test_the_first_lines_say_what_ran_where(run):
    lines = run(*ALONE, "--size", "4KiB")[1].splitlines()
    assert lines[:4] == [
        "bench     allreduce",
        "topology  kernbench/data/topology.yaml (packaged; there is no ./topology.yaml)",
        "system    2 SIPs, 2 ranks",
        "fabric    ring, 2 directed links, 50 GB/s, 500 ns",
    ]
    assert lines[4].startswith("output    .kernbench/runs/")
    assert lines[5] == f"workers   1 (this process, pid {os.getpid()}), as asked"


def test_the_last_lines_are_audit_digest_times_and_records(run):
    audit, digest, simulated, records = run(*ALONE, "--size", "4KiB")[1].splitlines()[-4:]
    assert re.fullmatch(r"audit: ok \(6 kernels retired, bytes in = bytes out on \d+ links, nobody waits\)", audit)
    assert (digest.split()[0], len(digest.split()[1])) == ("digest:", 32)
    assert re.fullmatch(r"simulated [\d.]+ us in [\d.]+ s; 0 wrong", simulated)
    assert re.fullmatch(r"records: \d+\.\d MiB in \.kernbench/runs/[\dTZ]+-allreduce-[0-9a-f]{4}", records)


def test_a_run_without_records_names_none(run):
    assert run(*ALONE, "--size", "4KiB", "--no-record")[1].splitlines()[-1].startswith("simulated ")


def test_no_line_is_wider_than_a_terminal_of_80_columns(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = run(*ALONE, "--size", "128KiB", "--dtype", "bfloat16")[1].split("\n", 2)[2]
    assert [line for line in out.splitlines() if len(line) > 80] == []


def test_a_local_topology_is_found_and_said(run, write):
    write("topology.yaml", "sips: 1\nsip: {cube_mesh: 1x1}\n")
    assert run("--size", "4KiB")[1].splitlines()[1:4] == [
        "topology  topology.yaml (./topology.yaml)", "system    1 SIP, 1 rank", "fabric    none",
    ]  # fmt: skip


def test_a_key_that_nothing_reads_is_a_warning_at_its_place(run, write):
    write("mine.yaml", "sip: {cube_mesh: 1x1}\nfabric: {switch: {overhead_ns: 7}}\n")
    code, _, err = run("--topology", "mine.yaml", "--sips", "2", "--workers", "1", "--size", "4KiB")
    assert (code, err.splitlines()[0]) == (
        0, "kernbench: mine.yaml:2:32 fabric.switch.overhead_ns: warning: nothing reads this key here; remove it",
    )  # fmt: skip


def test_the_document_of_a_run_has_times_and_bandwidths_in_their_units(document):
    found = document(*ALONE, "--size", "4KiB")
    (row,) = found["rows"]
    assert found["sim_time_fs"] == round(found["sim_time_ns"] * 10**6)
    assert (row["size_bytes"], row["count"], row["dtype"], row["redop"], row["algo"], row["wrong"]) == (
        4096, 1024, "float32", "sum", "ring", 0,
    )  # fmt: skip
    assert row["algbw_gbs"] == pytest.approx(4096 / row["time_ns"])
    assert row["busbw_gbs"] == row["algbw_gbs"]  # 2 (n - 1) / n is 1 for two ranks
    assert (row["bound_busbw_gbs"], found["audit"], found["wrong"], found["status"]["kind"]) == (50.0, "ok", 0, "ok")
    used = [link["utilization"] for link in found["links"]["hottest"]]
    assert (len(used), used) == (5, sorted(used, reverse=True))


def test_the_document_stands_in_the_run_directory_too(document, tmp_path):
    found = document(*ALONE, "--size", "4KiB", "--out", "here")
    assert (found["run_dir"], json.loads((tmp_path / "here" / "run.json").read_text())) == ("here", found)


def test_any_number_of_workers_and_any_seed_of_hashes_give_one_digest_and_one_time(document):
    one = document(*ALONE, "--size", "4KiB")
    result = subprocess.run(
        [sys.executable, "-m", "kernbench", "run", *SMALL, "--workers", "2", "--size", "4KiB", "--json"],
        capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    two = json.loads(result.stdout)
    jsonschema.validate(two, SCHEMA, jsonschema.Draft202012Validator)
    assert {key for key in one if one[key] != two[key]} == {
        "args", "run_dir", "transport", "build_s", "workers", "wall_s", "sync",
    }  # fmt: skip
    assert (one["transport"], one["workers"]["pids"]) == ("inproc", [os.getpid()])
    assert (two["transport"], len(set(two["workers"]["pids"]))) == ("process", 2)


def test_without_values_nothing_is_wrong_and_time_is_the_same(document):
    off, on = (document(*ALONE, "--size", "4KiB", "--values", switch) for switch in ("off", "on"))
    assert (off["wrong"], off["values"], off["sim_time_fs"]) == (None, False, on["sim_time_fs"])


def test_one_rank_on_one_device(document):
    found = document(*ALONE, "--size", "4KiB", "--device", "sip:1", "--bench", "allreduce")
    assert (found["sips"], found["ranks"], found["rows"][0]["time_ns"]) == (2, 1, 0.0)


def test_a_file_with_parameters_of_its_own_and_wrong_values_ends_with_1(document, write):
    found = document(*ALONE, write("mine.py", BENCH), "--tiles", "3", "--fast", "on", "--name", "b", code=1)
    assert found["arguments"] == {"tiles": 3, "name": "b", "fast": True}
    assert (found["bench"], found["wrong"], found["rows"][2]) == (
        "mine", 6,
        {"tile": 2, "name": "b", "fast": True, "wait_ns": 0.0015, "time_ns": 3.0, "launch_ns": 5e-06,
         "queue_ns": 0.0, "overlap_ns": 0.0, "wrong": 4},
    )  # fmt: skip


def test_a_bench_that_is_no_collective_has_a_table_of_its_own_columns(run, write):
    code, out, err = run(*ALONE, write("mine.py", BENCH))
    assert (code, err) == (1, "kernbench: error: 2 elements are wrong, in 1 of 2 rows (column #wrong)\n")
    assert (
        "tile  name   fast  (us)  (us)    (us)   (us)     (us)  #wrong\n   0  a     False  0.00  0.00    0.00   0.00     0.00       0\n"
        in out
    )


def test_help_lists_the_options_of_the_bench(run, write):
    out = run(write("mine.py", BENCH), "--help")[1]
    assert out[out.index("Options of mine") :].splitlines() == [
        "Options of mine:", "  --tiles INT    [default: 2]", "  --name STR     [default: a]",
        "  --fast on|off  [default: off]",
    ]  # fmt: skip


BAD = {
    "--size -1": "--size -1: expected a size from 1B, such as 64KiB",
    "--sips 0": "--sips 0: expected 1 to 64",
    "--sips 1000": "--sips 1000: expected 1 to 64",
    "--sips x": "invalid value for '--sips': 'x' is not a valid integer",
    "allreduc": "unknown bench 'allreduc'; did you mean 'allreduce'?",
    "nothing.py": "nothing.py: no such bench file",
    "allreduce --bench other": f"unknown bench 'other'; there are: {', '.join(bench_names())}; or name a .py file",
    "mine.py --bench allreduce": "two benches: mine.py and --bench allreduce; name one",
    "allreduce another": "got unexpected extra argument (another)",
    "--szie 4KiB": "unknown option --szie; did you mean --size?",
    "mine.py --tile 4": "unknown option --tile; did you mean --tiles?",
    "mine.py --tiles x": "mine: tiles is of type int, got 'x'",
    "mine.py --fast maybe": "mine: fast is of type bool, got 'maybe'",
    "clash.py": "PATH/clash.py: a parameter becomes the option --seed, which is taken by kernbench run; give the "
                "parameter another name",
    "broken.py": "PATH/broken.py:1: SyntaxError: '(' was never closed",
    "--topology nothing.yaml": "nothing.yaml: cannot be read: No such file or directory; give the path of a file",
    "--topology bad.yaml": "bad.yaml:1:18 fabric.bw_gbs: expected > 0, got -3",
    "--topology unknown.yaml": "unknown.yaml:1:1 spis: unknown key; did you mean sips?",
    "--topology open.yaml": "open.yaml:1:7 sips: expected a value or keys, got a list",
    "--topology binary.yaml": "binary.yaml: not a text file: byte 0 is not UTF-8",
    "--topology type.yaml": "type.yaml:1:7 sips: expected a whole number, got many",
    "--set fabric.latency_ns=0": "--set fabric.latency_ns: latency is 0 on sip0->sip1, so no lookahead is left; "
                                 "give it at least 1ns",
    "--set fabric.bw_gb=3": "--set fabric.bw_gb: unknown key; did you mean fabric.bw_gbs?",
    "--workers 0": "--workers 0: expected a number from 1, or auto",
    "--workers many": "--workers many: expected a number from 1, or auto",
    "--device 7": "--device 7: expected sip:I, such as sip:0",
    "--device sip:9": "--device sip:9: the topology has 2 SIPs; use sip:0 to sip:1",
    "--values maybe": "invalid value for '--values': 'maybe' is not one of 'on', 'off'",
    "--timeout soon": "--timeout soon: expected a time such as 60s, 5min or 2h",
    "--timeout 5d": "--timeout 5d: expected a time such as 60s, 5min or 2h",
    "--timeout 1msm": "--timeout 1msm: expected a time such as 60s, 5min or 2h",
    "--timeout 0": "--timeout 0: expected more than 0, such as 60s",
    "--max-events 0": "--max-events 0: expected at least 1",
    "--seed -1": "--seed -1: expected at least 0",
    "--op plus": "all_reduce: unknown op 'plus'; there are sum, prod, max, min, avg",
    "--algo star": "unknown --algo 'star'; there are ring, bidir_ring, tree, recursive_doubling, halving_doubling, "
    "direct, mesh2d, hierarchical, auto, or a file ./NAME.py",
}  # fmt: skip


@pytest.mark.parametrize("line", BAD)
def test_a_wrong_input_is_one_clear_line_and_exit_2(line, run, write, tmp_path):
    write("mine.py", BENCH)
    write("clash.py", "def bench(torch, *, seed: int = 1):\n    pass\n")
    write("broken.py", "def bench(\n")
    write("bad.yaml", "fabric: {bw_gbs: -3}\n")
    write("unknown.yaml", "spis: 4\n")
    write("type.yaml", "sips: many\n")
    write("open.yaml", "sips: [\n")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    code, _, err = run(*ALONE, *line.split())
    first = err.splitlines()[0].replace(str(tmp_path), "PATH")
    assert (code, first) == (2, f"kernbench: error: {BAD[line]}")
    assert [extra for extra in err.splitlines()[1:] if not extra.startswith("  ")] == []


def test_on_exit_2_the_document_is_schema_version_and_status(document):
    assert set(document(*ALONE, "--size", "-1", code=2)) == {"schema", "version", "status"}
    assert set(document(*ALONE, "--op", "plus", code=2)) == {"schema", "version", "status"}


def test_a_deadlock_says_who_waits_on_what(run, write):
    code, _, err = run(*ALONE, write("dead.py", DEADLOCK))
    lines = err.splitlines()
    assert code == 3
    assert re.fullmatch(
        r"kernbench: error: deadlock at [\d.]+ us of simulated time: nothing can happen any more, but sip0 still waits",
        lines[0],
    )
    assert [line for line in lines if line.startswith("  sip0.cube00.pe0.ipcq: recv at ")] != []


def test_a_failure_has_a_document_with_its_waiters_and_no_digest(document, write):
    found = document(*ALONE, write("dead.py", DEADLOCK), code=3)
    status = found["status"]
    assert (status["kind"], status["where"], status["sim_time_ns"] > 1000) == ("deadlock", "sip0", True)
    assert (found["digest"], found["rows"], found["sips"]) == (None, [], 2)
    assert [
        waiter
        for waiter in status["waiters"]
        if re.match(r"sip0\.host: .* waits for barrier number 1 of group world", waiter)
    ]


def test_an_error_of_a_rank_is_named_with_its_line_and_no_traceback(run, write, tmp_path):
    code, _, err = run(*ALONE, write("div.py", "def bench(torch):\n    1 / 0\n"))
    line = f"ZeroDivisionError: division by zero; sip0.host ({tmp_path}/div.py:2) at 0 ns of simulated time"
    assert (code, err) == (3, f"kernbench: error: {line}\n")


def test_debug_shows_the_traceback_of_the_rank(run, write):
    err = run(*ALONE, write("div.py", "def bench(torch):\n    1 / 0\n"), "--debug")[2]
    assert ("Traceback" in err, "ZeroDivisionError" in err) == (True, True)


def test_a_limit_ends_with_4_and_keeps_what_is_complete(document):
    found = document(*ALONE, "--max-events", "3000", code=4)
    assert (found["status"]["kind"], found["digest"], found["audit"]) == (
        "limit", None, "not done: the run was cut short (max-events)",
    )  # fmt: skip
    assert [row["size_bytes"] for row in found["rows"]] in ([4096], [4096, 16384])
    assert re.search(r"of simulated time; (1 row is|2 rows are) complete$", found["status"]["message"])


def test_a_time_limit_ends_with_4(run):
    code, _, err = run(*ALONE, "--timeout", "1us", "--size", "4KiB")
    assert (code, err) == (4, "kernbench: error: timeout: stopped at 0 ns of simulated time; 0 rows are complete\n")


def test_an_unwritable_out_ends_with_5_before_anything_runs(document, run):
    assert run(*ALONE, "--out", "/dev/null/x") == (
        5, "", "kernbench: error: --out /dev/null/x: cannot be written: Not a directory; name a folder that can\n",
    )  # fmt: skip
    assert document(*ALONE, "--out", "/dev/null/x", code=5)["run_dir"] is None


def test_text_of_a_bench_cannot_control_the_terminal(run, write):
    file = write("mine.py", BENCH.replace('"name": name', r'"name": "\x1b[2J[red]x"'))
    assert "?[2J[red]x" in run(*ALONE, file)[1]


def test_a_bug_ends_with_70(run, monkeypatch):
    from actors.simulation import Simulation

    def broken(*_, **__):
        raise LookupError("lost")

    monkeypatch.setattr(Simulation, "run", broken)
    assert (run(*ALONE)[0], run(*ALONE)[2]) == (
        ExitCode.BUG, "kernbench: error: LookupError: lost; this is a bug in kernbench; --debug shows where\n",
    )  # fmt: skip
