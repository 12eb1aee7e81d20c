"""`kernbench list`."""

import json

import pytest

from kernbench.cli import execute
from kernbench.cli.list import SECTIONS
from kernbench.components import KINDS
from kernbench.runtime_api.bench import bench_names
from kernbench.runtime_api.collectives import ALGORITHMS
from kernbench.runtime_api.parallel.model_shape import presets
from kernbench.triton_emu import language


def listed(capsys, *arguments):
    assert execute(["list", *arguments]) == 0
    return capsys.readouterr().out


def test_a_section_is_a_line_per_name(capsys):
    name, _, description = listed(capsys, "algos").splitlines()[0].partition(" ")
    assert (name, description.lstrip().startswith("Around the ring of ranks")) == (next(iter(ALGORITHMS)), True)


def test_without_a_section_all_are_listed(capsys):
    lines = listed(capsys).splitlines()
    assert [line.rstrip(":") for line in lines if line and not line.startswith(" ")] == list(SECTIONS)


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("benches", bench_names()),
        ("algos", list(ALGORITHMS)),
        ("kinds", list(KINDS)),
        ("presets", list(presets())),
        ("tl", list(language.__all__)),
    ],
)
def test_as_json_a_section_has_every_name_with_a_description(section, names, capsys):
    document = json.loads(listed(capsys, section, "--json"))
    entries = document[section]
    assert (document["schema"], [entry["name"] for entry in entries]) == ("kernbench/list/1", names)
    assert [entry["name"] for entry in entries if not entry["description"]] == []
