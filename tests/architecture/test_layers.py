"""The table of layers in CONTRIBUTING.md and the import contracts in pyproject.toml say the same, about our own packages."""

import ast
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
PACKAGES = ("kernbench", "actors", "tui", "benches")


def table():
    """Rows of the table: level, package, libraries, packages below that it does not know."""
    lines = (ROOT / "CONTRIBUTING.md").read_text().split("## Layers")[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| \d", line)]
    return [
        (
            int(level),
            package.strip("`"),
            {each.strip() for each in libraries.split(",") if each.strip()},
            set(hidden.replace("`", "").split()),
        )
        for level, package, _, libraries, hidden in rows
    ]


def forbidden(library):
    """The contract about one library."""
    (found,) = [each for each in CONTRACTS if each.get("forbidden_modules") == [library]]
    return found


def sources():
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path):
    """The top-level names that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_the_levels_are_those_of_the_layers_contract():
    (contract,) = [each for each in CONTRACTS if each["type"] == "layers"]
    levels = [sorted(part.strip(" ()") for part in layer.split("|")) for layer in contract["layers"]]
    rows = table()
    numbers = sorted({level for level, *_ in rows}, reverse=True)
    assert levels == [sorted(package for level, package, *_ in rows if level == number) for number in numbers]


def test_each_library_is_forbidden_to_every_package_that_does_not_list_it():
    rows = table()
    libraries = {library for _, _, listed, _ in rows for library in listed}
    told = {
        library: {package for _, package, listed, _ in rows if library not in listed or library == "greenlet"}
        for library in libraries
    }
    held = {library: set(forbidden(library)["source_modules"]) for library in libraries}
    assert held == told


def test_greenlet_has_one_importer():
    assert forbidden("greenlet")["ignore_imports"] == ["kernbench.common.coroutine -> greenlet"]
    assert [path.name for path in sources() if "greenlet" in imports(path)] == ["coroutine.py"]


def test_what_a_package_does_not_know_is_what_its_contract_forbids():
    held = {
        each["source_modules"][0]: set(each["forbidden_modules"])
        for each in CONTRACTS
        if each["type"] == "forbidden" and each["name"].endswith("does not know")
    }
    assert held == {package: hidden for _, package, _, hidden in table() if hidden}


def test_every_package_has_a_row():
    found = {f"kernbench.{path.parent.name}" for path in (ROOT / "kernbench").glob("*/__init__.py")}
    listed = {package for _, package, *_ in table()}
    assert found | {"kernbench.testing", "actors", "tui", "benches"} == listed


def test_every_contract_allows_what_others_import_on_their_own_account():
    assert all(each["allow_indirect_imports"] for each in CONTRACTS if each["type"] == "forbidden")


def test_only_declared_libraries_are_imported():
    import sys

    spelled = {"PyYAML": "yaml"}
    project = PYPROJECT["project"]
    extras = [each for extra, needs in project["optional-dependencies"].items() if extra != "dev" for each in needs]
    names = [re.match(r"[\w-]+", each)[0] for each in project["dependencies"] + extras]
    declared = {spelled.get(name, name) for name in names} | {"pytest", "triton"}  # what benches get for it is ours
    used = set().union(*(imports(path) for path in sources())) - set(sys.stdlib_module_names) - {*PACKAGES}
    assert used <= declared


@pytest.mark.parametrize("package", PACKAGES)
def test_each_import_package_is_ours(package):
    """Other distributions carry the names actors and tui."""
    assert Path(find_spec(package).origin) == ROOT / package / "__init__.py"


def test_only_the_actor_of_a_sip_steps_its_engine():
    """`engine.advance` is called in actors/sip.py alone.

    An oracle drives an engine of its own, without a SIP; a trial of autotune a nested device, from inside its SIP's step.
    """
    stepping = [
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if re.search(r"engine\.(advance|step|run)\(", path.read_text()) and "oracles" not in path.parts
    ]
    assert sorted(stepping) == ["actors/sip.py", "kernbench/di/trial.py"]
