"""`run --quantum`: the override that it is, and the run that it is compared with."""

import json

import pytest

from kernbench.cli import quantum
from kernbench.common.errors import UsageError


def document(time, *overrides, digest="d", **other):
    run = {
        "bench": "megatron_tp", "arguments": {"seq": 128}, "sips": 2, "ranks": 2, "seed": 0, "values": True,
        "version": "1", "topology": {"sha256": "t", "overrides": [*overrides]}, "sim_time_fs": time, "digest": digest,
    }  # fmt: skip
    return {**run, **other}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Write runs one after another, each newer than the one before; give the folder of the present one."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"

    def write(*documents):
        for number, each in enumerate(documents):
            path = folder / f"run{number}"
            path.mkdir(parents=True)
            text = each if isinstance(each, str) else json.dumps(each)
            (path / "run.json").write_text(text)
        return folder / "present"

    return write


def test_a_quantum_is_the_last_override():
    assert quantum.overrides(["a=1"], "4KiB") == ("a=1", "quantum_bytes=4096")
    assert quantum.overrides(["a=1"], None) == ("a=1",)


@pytest.mark.parametrize("text", ["4XB", "", "-1", "0"])
def test_a_quantum_that_is_no_size_is_refused_by_name(text):
    with pytest.raises(UsageError, match=rf"--quantum {text}: expected a size"):
        quantum.overrides([], text)


@pytest.mark.parametrize("override", ["quantum_bytes=1KiB", " quantum_bytes = 4KiB"])
def test_a_quantum_that_is_given_twice_is_refused(override):
    with pytest.raises(UsageError) as caught:
        quantum.overrides(["a=1", override], "4KiB")
    said = f"--quantum 4KiB and --set {override} give the size of packets twice; leave one out"
    assert str(caught.value) == said


def test_the_change_is_told_against_a_run_of_the_same_with_the_topologys_own_quantum(runs):
    present = runs(
        document(2000, "a=1"),
        document(7, "a=1", arguments={"seq": 64}),
        document(7, "a=2"),
        document(7, "a=1", "quantum_bytes=512"),
        document(7, "a=1", digest=None),
        document(7, "a=1", version="2"),
        "no JSON",
        "[]",
    )
    said = quantum.comparison(document(2010, "a=1", "quantum_bytes=4096"), "4KiB", present)
    assert said == "quantum 4KiB: simulated 0.00201 ns, +0.50 % against 0.002 ns with the topology's own in run0"


def test_without_such_a_run_the_remedy_is_told(runs):
    said = quantum.comparison(document(2010, "quantum_bytes=4096"), "4KiB", runs())
    assert said.endswith("run it once without --quantum")
