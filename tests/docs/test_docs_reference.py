"""The tables of the docs that repeat what the code says: keys, fields, exit codes; and every link leads somewhere."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from kernbench.cli import COMMANDS
from kernbench.common.errors import ExitCode
from kernbench.topology.compile import compile_topology
from kernbench.topology.describe import describe
from kernbench.topology.diagrams import diagrams
from kernbench.topology.load import load, packaged_path

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
SCHEMA = json.loads((files("kernbench") / "data" / "run.schema.json").read_text())
UNITS = {"_ns": "ns", "_fs": "fs", "_s": "s", "_gbs": "GB/s", "_bytes": "bytes", "bytes": "bytes", "_share": "share, 0 to 1",
         "utilization": "share, 0 to 1", "gbs": "GB/s"}  # fmt: skip
TYPES = {"const": "string", "enum": "string"}


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def table(heading, rows):
    lines = [f"| {' | '.join(heading)} |", f"|{'---|' * len(heading)}"]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def keys():
    """What `kernbench topology schema` says of the packaged topology."""
    rows = [
        (f"`{row.key}`", f"`{row.default}`", row.unit.replace("B", "bytes") if row.unit == "B" else row.unit, row.meaning)
        for row in describe(load(packaged_path()))
    ]  # fmt: skip
    return table(("key", "default", "unit", "meaning"), rows)


def fields():
    """Every field of run.schema.json with its unit and meaning."""
    return table(("field", "type", "unit", "meaning"), list(walk(SCHEMA["oneOf"][0], "")))


def walk(schema, path):
    for name, given in schema["properties"].items():
        field = f"{path}{name}"
        found = resolve(given)
        types = type_of(found)
        yield f"`{field}`", types, unit(name), given.get("description", found.get("description", ""))
        inner = resolve(found.get("items", found))
        if "properties" in inner:
            yield from walk(inner, f"{field}{'[]' if 'items' in found else ''}.")


def resolve(schema):
    if "allOf" in schema:
        schema = schema["allOf"][0]
    return SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def type_of(schema):
    if "type" in schema:
        given = schema["type"]
        return given if isinstance(given, str) else " or ".join(given)
    return "integer" if isinstance(next(iter(schema.get("enum", ("",)))), int) else "string"


def unit(name):
    return next((text for end, text in UNITS.items() if name.endswith(end)), "")


GENERATED = {"docs/topology.md": ("keys", keys), "docs/json.md": ("fields", fields)}


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_table_is_what_the_code_says(page, update_docs):
    name, make = GENERATED[page]
    pattern = re.compile(rf"(?<=<!-- generated: {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    if update_docs:
        (ROOT / page).write_text(pattern.sub(lambda _: f"{make()}\n", read(page)), encoding="utf-8")
    assert pattern.search(read(page))[0] == f"{make()}\n"


def test_the_diagrams_are_what_the_command_draws_of_the_packaged_topology(update_docs):
    drawn = diagrams(compile_topology(load(packaged_path())))
    folder = ROOT / "docs" / "diagrams"
    if update_docs:
        for name, content in drawn.items():
            (folder / name).write_bytes(content)
    assert {path.name: path.read_bytes() for path in sorted(folder.iterdir())} == dict(sorted(drawn.items()))


def test_every_field_has_a_meaning():
    """Objects and lists whose fields follow may do without; their names say what they are."""
    followed = {field.strip("`").rpartition(".")[0].removesuffix("[]") for field, *_ in walk(SCHEMA["oneOf"][0], "")}
    assert [
        field
        for field, _, _, meaning in walk(SCHEMA["oneOf"][0], "")
        if not meaning and field.strip("`") not in followed
    ] == []


def test_the_page_of_errors_has_every_exit_code():
    found = re.findall(r"^\| (\d+) \| (\w+) \|", read("docs/errors.md"), re.MULTILINE)
    assert found == [(str(int(code)), code.name) for code in ExitCode]


def test_the_readme_has_every_exit_code():
    rows = re.findall(r"^\| ([\d, ]+) \|", read("README.md"), re.MULTILINE)
    assert sorted(int(code) for row in rows for code in row.split(",")) == sorted(map(int, ExitCode))


def prose(page):
    return re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_of_the_docs_leads_somewhere():
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
            name, _, anchor = target.partition("#")
            path = ((ROOT / page).parent / name) if name else ROOT / page
            if not path.exists() or (anchor and anchor not in anchors(path.resolve().relative_to(ROOT))):
                broken.append((page, target))
    assert broken == []


def test_no_page_names_a_place_on_a_machine():
    assert [page for page in PAGES if re.search(r"/(work|tmp|root|usr)/", read(page))] == []


def test_the_readme_names_every_command():
    assert [name for name in COMMANDS if f"kernbench {name}" not in read("README.md")] == []


def test_each_example_of_an_extension_is_at_most_40_lines():
    lengths = {name: body.count("\n") for name, body in re.findall(
        r"^```python file=(\S+)\n(.*?)^```$", read("docs/extend.md"), re.MULTILINE | re.DOTALL
    )}  # fmt: skip
    assert (len(lengths), [name for name, length in lengths.items() if length > 40]) == (3, [])
