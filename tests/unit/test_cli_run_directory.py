"""The directory of a run: new, private, kept to the newest twenty."""

import json
import re

import pytest

from kernbench.cli.run_directory import KEPT, RUNS, RunDirectory
from kernbench.common.errors import OutputError
from kernbench.telemetry.reader import RunReader


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_has_a_directory_of_its_own_that_only_its_owner_reads():
    first, second = RunDirectory.create("mine"), RunDirectory.create("mine")
    assert re.fullmatch(r"\.kernbench/runs/\d{8}T\d{6}Z-mine-[0-9a-f]{4}", str(first.path))
    assert (first.path != second.path, first.path.stat().st_mode & 0o777) == (True, 0o700)


def test_latest_is_the_newest():
    RunDirectory.create("mine")
    newest = RunDirectory.create("mine")
    assert (RUNS / "latest").resolve() == newest.path.resolve()


def test_the_newest_twenty_are_kept_and_nothing_else_is_touched():
    for number in range(KEPT + 3):
        (RUNS / f"20200101T0000{number:02d}Z-old-00ff").mkdir(parents=True)
    (RUNS / "mine").mkdir()
    newest = RunDirectory.create("new")
    newest.write({})
    names = sorted(path.name for path in RUNS.iterdir() if not path.is_symlink())
    assert (len(names), names[0], names[-2:]) == (KEPT + 1, "20200101T000004Z-old-00ff", [newest.path.name, "mine"])


def test_what_never_ran_leaves_no_trace_and_removes_nothing():
    runs = [RunDirectory.create("mine") for _ in range(2)]
    for each in runs:
        each.write({})
    for _ in range(KEPT + 1):
        RunDirectory.create("wrong").discard()
    left = sorted(path.name for path in RUNS.iterdir() if not path.is_symlink())
    assert (left, (RUNS / "latest").resolve().name) == (sorted(each.path.name for each in runs), left[-1])


def test_the_document_is_written_whole(tmp_path):
    directory = RunDirectory.create("mine", tmp_path / "out")
    directory.write({"a": "\u202e"})
    assert [path.name for path in directory.path.iterdir()] == ["run.json"]
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="ascii")) == {"a": "\u202e"}


def test_a_directory_that_holds_a_run_is_not_overwritten(tmp_path):
    RunDirectory.create("mine", tmp_path / "out").write({})
    with pytest.raises(OutputError, match="holds a run already"):
        RunDirectory.create("mine", tmp_path / "out")


@pytest.mark.parametrize("out", ["/dev/null/x", "file", "a\0b"])
def test_what_cannot_be_written_is_known_before_the_run(tmp_path, out):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        RunDirectory.create("mine", tmp_path / out)


def test_a_file_in_the_way_of_the_runs_is_named(tmp_path):
    (tmp_path / ".kernbench").mkdir()
    (tmp_path / ".kernbench" / "runs").touch()
    with pytest.raises(OutputError, match="is not a folder"):
        RunDirectory.create("mine")


def test_a_directory_that_has_gone_is_an_output_error(tmp_path):
    directory = RunDirectory.create("mine", tmp_path / "out")
    directory.path.rmdir()
    with pytest.raises(OutputError, match=r"run\.json cannot be written"):
        directory.write({})


def test_a_run_is_seen_to_go_on_until_its_document_is_there(tmp_path):
    directory = RunDirectory.create("mine", tmp_path / "out")
    reader = RunReader(directory.path)
    before = reader.live, reader.document
    directory.write({"bench": "mine"})
    assert (before, reader.live, reader.document) == ((True, None), False, {"bench": "mine"})


def test_a_run_that_was_given_up_is_not_seen_to_go_on(tmp_path):
    path = RunDirectory.create("mine", tmp_path / "out").path
    assert not RunReader(path).live


def test_a_run_without_records_is_not_removed_while_it_goes_on(monkeypatch):
    monkeypatch.setattr("kernbench.cli.run_directory.KEPT", 1)
    first = RunDirectory.create("mine")
    second = RunDirectory.create("mine")
    first.write({})
    third = RunDirectory.create("mine")
    third.write({})
    assert [each.path.exists() for each in (first, second, third)] == [False, True, True]
