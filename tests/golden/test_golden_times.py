"""Exact simulated times of small runs: `pytest tests/golden --update-golden` writes them anew.

A change of a golden file needs a line in CHANGES.md that says why times moved; the line carries the file's fingerprint.
"""

import json
from hashlib import blake2b
from pathlib import Path

import pytest

TIMES = Path(__file__).with_name("times.json")
CHANGES = Path(__file__).parents[2] / "CHANGES.md"
SMALL = "sip.cube_mesh=2x2"

CASES = {
    "ring of 2, 4KiB": ({"sips": 2}, {"sizes": "4KiB"}),
    "ring of 4, 4KiB": ({"sips": 4}, {"sizes": "4KiB"}),
    "ring of 4, 64KiB": ({"sips": 4}, {"sizes": "64KiB"}),
    "ring of 4, 64KiB, 4 channels": ({"sips": 4}, {"sizes": "64KiB", "channels": 4}),
    "ring of 4, 16KiB, bfloat16": ({"sips": 4}, {"sizes": "16KiB", "dtype": "bfloat16"}),
    "ring of 5, 12345B": ({"sips": 5}, {"sizes": "12345"}),
    "full of 4, 16KiB": ({"sips": 4, "overrides": ["fabric.kind=full"]}, {"sizes": "16KiB"}),
    "switch of 4, 16KiB": ({"sips": 4, "overrides": ["fabric.kind=switch"]}, {"sizes": "16KiB"}),
    "mesh2d of 4, 16KiB": ({"sips": 4, "overrides": ["fabric.kind=mesh2d"]}, {"sizes": "16KiB"}),
}


def measure(sim, case):
    options, arguments = CASES[case]
    overrides = [SMALL, *options.get("overrides", [])]
    result = sim(**{**options, "overrides": overrides}).run("allreduce", **arguments)
    assert result.wrong == 0
    (row,) = result.rows
    return {"sim_time_fs": result.sim_time, "time_fs": row.time, "launch_fs": row.launch}


def fingerprint():
    return blake2b(TIMES.read_bytes(), digest_size=4).hexdigest()


@pytest.mark.parametrize("case", CASES)
def test_a_run_takes_the_time_that_it_took_before(sim, update_golden, case):
    times = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    measured = measure(sim, case)
    if update_golden:
        times[case] = measured
        known = {each: times[each] for each in CASES if each in times}
        TIMES.write_text(json.dumps(known, indent=2) + "\n")
    assert measured == json.loads(TIMES.read_text())[case]


def test_a_change_of_the_golden_times_is_explained_in_changes(update_golden):
    if update_golden:
        pytest.skip("the times are being written")
    mark = f"golden {fingerprint()}"
    assert mark in CHANGES.read_text(), f"CHANGES.md has no line with ({mark}): say there why simulated times moved"


def test_the_golden_file_has_the_cases_of_this_file_and_no_others():
    assert list(json.loads(TIMES.read_text())) == list(CASES)
