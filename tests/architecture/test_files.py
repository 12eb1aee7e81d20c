"""What every file of the packages keeps to: length, docstrings, names; and what the project's own files agree on."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("kernbench", "actors", "tui", "benches")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def name(path):
    return path.relative_to(ROOT).as_posix()


def normal(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("-", "_")


def test_no_file_of_the_packages_has_more_than_400_lines():
    long = {name(path): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_every_module_and_public_class_says_what_it_is():
    silent = []
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        if ast.get_docstring(tree) is None:
            silent.append(name(path))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and ast.get_docstring(node) is None:
                silent.append(f"{name(path)}:{node.name}")
    assert silent == []


def test_no_file_and_no_class_is_a_drawer_for_anything():
    pattern = re.compile(r"utils?|helpers?|managers?|misc|common_?stuff", re.IGNORECASE)
    files = [name(path) for path in SOURCES if pattern.fullmatch(path.stem) or path.stem.endswith("_utils")]
    classes = [
        f"{name(path)}:{found}"
        for path in SOURCES
        for found in re.findall(r"^class (\w*(?:Manager|Impl))\b", path.read_text(), re.MULTILINE)
    ]
    assert (files, classes) == ([], [])


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    assert [name(path) for path in SOURCES if marks.search(path.read_text())] == []


def test_no_file_prints_or_names_a_place_on_somebody_s_disk():
    places = re.compile(r"(?<![\w.])/(?:work|home/(?!you/)|root|Users)/")
    texts = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    own = Path(__file__)
    assert [name(path) for path in texts if path != own and places.search(path.read_text())] == []


def test_constraints_pin_every_dependency_exactly():
    project = PYPROJECT["project"]
    wanted = {normal(each) for each in project["dependencies"] + project["optional-dependencies"]["dev"]}
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    pinned = {normal(line) for line in lines if re.fullmatch(r"[\w.-]+==[\w.]+", line)}
    assert (wanted - pinned, len(pinned)) == (set(), len(lines))


def test_the_gate_s_tools_are_as_strict_as_agreed():
    tool = PYPROJECT["tool"]
    pytest_options = tool["pytest"]["ini_options"]
    agreed = (
        tool["ruff"]["lint"]["select"],
        tool["mypy"]["strict"],
        sorted(tool["mypy"]["files"]),
        pytest_options["filterwarnings"],
        {"--import-mode=importlib", "--strict-markers", "--strict-config"} <= {*pytest_options["addopts"]},
    )
    assert agreed == (["ALL"], True, sorted((*PACKAGES, "benchmarks")), ["error"], True)


def test_every_lint_that_is_ignored_has_a_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text().split("ignore = [")[1].split("]")[0].strip().splitlines()
    assert [line for line in lines if "#" not in line] == []


def test_the_wheel_carries_the_packages_that_are_linted():
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert (sorted(wheel), sorted(PYPROJECT["tool"]["importlinter"]["root_packages"])) == (sorted(PACKAGES),) * 2


def test_names_of_test_files_are_unique():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_every_decision_says_context_choice_and_cost():
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    lacking = [
        path.name
        for path in decisions
        if not all(f"## {part}" in path.read_text() for part in ("Context", "Choice", "Cost"))
    ]
    assert (lacking, len(decisions) >= 4) == ([], True)
