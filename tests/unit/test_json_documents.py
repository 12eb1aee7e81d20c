"""Every document of `probe`, `validate`, `trace` and `sweep` with `--json` is what its published schema says."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import msgspec
import pytest

from kernbench.cli import execute
from kernbench.oracles import table

ROOT = Path(__file__).parents[2]
ONE = ("--set", "sips=1", "--set", "cube_mesh=1x1", "--set", "sip.cube.pes=1")
SMALL = ("--set", "sips=2", "--set", "cube_mesh=2x1", "--set", "sip.cube.pes=2")
SCHEMAS = {
    name: json.loads((files("kernbench") / "data" / f"{name}.schema.json").read_text())
    for name in ("probe", "validate", "trace", "sweep")
}


def printed(capsys, *arguments, code=0):
    """The document of a command, of exactly one form of its schema; and that form's name."""
    assert execute([*arguments, "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    schema = SCHEMAS[arguments[0]]
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    forms = [
        form["title"]
        for form in schema["oneOf"]
        if jsonschema.Draft202012Validator({**form, "$defs": schema["$defs"]}).is_valid(document)
    ]
    return document, *forms


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        (("probe", *ONE, "--case", "pe-local-hbm-write"), "measured"),
        (("probe", *SMALL, "--case", "kernel-launch"), "measured"),
        (("probe", *SMALL, "--case", "contention-write"), "measured"),
        (("probe", *ONE, "--case", "cross-sip-put"), "measured"),
        (("probe", *SMALL, "--case", "cross-sip-put", "--route", "--size", "4KiB"), "route"),
        pytest.param(("probe", *ONE, "--sensitivity"), "sensitivity", marks=pytest.mark.slow),
        (("probe", "--list"), "list"),
        (("validate", "--list"), "list"),
        (("validate", "--only", "hop"), "table"),
        (("validate", "mesh", "--packets", "200"), "mesh"),
        (("validate", "mesh", "--packets", "10", "--mesh", "3x1", "--rate", "1.0", "--arrivals", "poisson"), "mesh"),
        (("validate", "link", "--packets", "200"), "link"),
        (("validate", "gemm", "--mnk", "3,4,5"), "gemm"),
        (("validate", "hbm", "--refreshes", "1"), "hbm"),
        (("validate", "nccl", "--simulate", "64KiB"), "nccl"),
    ],
)
def test_a_document_has_the_form_that_its_schema_publishes(arguments, form, capsys):
    assert printed(capsys, *arguments)[1:] == (form,)


def test_a_list_of_products_has_a_form_of_its_own(tmp_path, capsys):
    (tmp_path / "list.csv").write_text("Layer,M,N,K,\nA,32,32,8,\n")
    assert printed(capsys, "validate", "gemm", "--shapes", str(tmp_path / "list.csv"))[1:] == ("gemm list",)


def test_a_run_s_trace_and_a_sweep_have_theirs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert execute(["run", *SMALL, "--out", "run", "--json", "-b", "1K", "-e", "1K"]) == 0
    capsys.readouterr()
    assert printed(capsys, "trace", "run", "-o", "f.pftrace")[1:] == ("trace",)
    document, form = printed(
        capsys, "sweep", *SMALL, "--set", "fabric.bw_gbs=25,50", "-b", "1K", "-e", "1K", "--out", "sweep"
    )
    assert (form, len(document["points"])) == ("sweep", 2)


def test_every_published_schema_is_listed_where_the_documents_are():
    page = (ROOT / "docs" / "json.md").read_text()
    published = sorted(
        each.name for each in (files("kernbench") / "data").iterdir() if each.name.endswith(".schema.json")
    )
    assert [name for name in published if f"kernbench/data/{name}" not in page] == []


def test_a_table_with_a_failed_row_is_a_table(monkeypatch, capsys):
    wrong = [
        msgspec.structs.replace(each, expected=2 * each.expected) for each in table.oracles() if "1 hop" in each.name
    ]
    monkeypatch.setattr(table, "oracles", lambda: wrong)
    document, form = printed(capsys, "validate", code=1)
    assert (document["status"]["exit"], document["failed"], form) == (1, 1, "table")


@pytest.mark.parametrize(
    "arguments",
    [
        ("probe", "--case", "nope"),
        ("probe", "--set", "sips=0"),
        ("validate", "mesh", "--rate", "2"),
        ("validate", "--only", "?"),
        ("trace", "no-such-run", "-o", "f.pftrace"),
        ("sweep", "--set", "fabric.bw_gbs=50"),
    ],
)
def test_a_refused_command_has_its_status_alone(arguments, capsys):
    document, form = printed(capsys, *arguments, code=2)
    assert (form, document["status"]["exit"], list(document)) == ("failed", 2, ["schema", "version", "status"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_of_a_schema_has_a_meaning(name):
    schema = SCHEMAS[name]
    assert [path for path, given in fields(schema) if not meaning(given, schema)] == []


def fields(part, path=""):
    if isinstance(part, list):
        for number, each in enumerate(part):
            yield from fields(each, f"{path}[{number}]")
    elif isinstance(part, dict):
        for name, given in part.get("properties", {}).items():
            yield f"{path}.{name}", given
        for name, each in part.items():
            yield from fields(each, f"{path}.{name}")


def meaning(given, schema):
    """Its own, that of what it refers to, or those of its fields."""
    if "$ref" in given:
        given = schema["$defs"][given["$ref"].rpartition("/")[2]]
    return "description" in given or "properties" in given or "allOf" in given or "not" in given or "enum" in given
