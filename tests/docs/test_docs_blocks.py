"""Every fenced block of README.md and docs/*.md is run, and what a page shows is what comes out.

A `console` block holds commands after `$ ` and their output; one without output must only succeed. `exit=2` after the
language is the expected exit code, `show=1,4` the paragraphs of the output that are shown (counted from 0, "..." for
the others). `file=NAME` puts a block into the page's folder. A `python` block is run, and a `text output` block after
it is what it prints. A `yaml` block is read as a topology. `make` and `pip` commands are not run here: the gate is one.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from kernbench.cli import execute
from kernbench.topology.load import load

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
NOT_RUN = ("make ", "pip install ")
WHOLE_SUITE = "pytest"
"""In the checkout that would be this very suite."""
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOME, CHECKOUT = "/home/you/lab", "/home/you/kernbench"
"""What a page shows in the place of the folder that it is run in, and of the checkout."""

VOLATILE = [
    (r"\s+", " "),  # the width of a pid moves columns
    (r"\d{8}T\d{6}Z-([\w-]+)-[0-9a-f]{4}", r"STAMP-\1-HEX"),
    (r"\bpid [\d ]*\d", "pid N"),
    (r" in [\d.]+ ?s\b", " in T s"),
    (r"^records: [\d.]+ MiB", "records: N MiB"),
    (r"^\d+ ((?:\d+ )+\d+ \d+) \d+\.\d\d \d+%$", r"N \1 T W%"),  # a worker: its pid, CPU time and waiting
    (r"\b[0-9a-f]{64}\b", "SHA256"),  # of the packaged defaults, which have a test of their own
    (rf"({CHECKOUT}/\S+\.py):\d+", r"\1:LINE"),
]


class Block(NamedTuple):
    """A fenced block; `start` and `end` are where its body stands in the page."""

    language: str
    options: dict[str, str]
    body: str
    start: int
    end: int


def blocks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        options = {word.partition("=")[0]: word.partition("=")[2] for word in match[2].split()}
        found.append(Block(match[1], options, match[3], match.start(3), match.end(3)))
    return found


def commands(block):
    """The commands of a console block, each with the output that is shown."""
    found = []
    for line in block.body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def masked(lines):
    out = []
    for line in lines:
        text = line.strip()
        for pattern, replacement in VOLATILE:
            text = re.sub(pattern, replacement, text)
        out.append(text)
    return out


class Folder:
    """The folder that a page is run in: it begins as a checkout, with the default topology."""

    def __init__(self, path):
        self.path = path
        shutil.copy(ROOT / "topology.yaml", path)

    def run(self, command, code=0):
        """The output of a command that must end with `code`."""
        plain = command.startswith("kernbench ") and not re.search(r"[|<>]", command)
        got, output = (self._here if plain else self._in_a_shell)(command)
        assert got == code, f"$ {command}\n{output}"
        lines = output.replace(str(self.path), HOME).replace(str(ROOT), CHECKOUT).rstrip("\n").split("\n")
        return [line for line in lines if not re.match(r"kernbench: \d+ s, ", line)]

    def _here(self, command):
        """In this process: most of what a small run takes is Python's own start."""
        page = StringIO()
        with chdir(self.path), mock.patch.dict(os.environ), redirect_stdout(page), redirect_stderr(page):
            os.environ.pop("COLUMNS", None)
            code = execute(shlex.split(command)[1:])
        return code, page.getvalue()

    def _in_a_shell(self, command):
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "PYTEST_ADDOPTS")}
        environment = {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"}
        done = subprocess.run(
            ["/bin/bash", "-c", command], cwd=self.path, env=environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout


def shown(lines, paragraphs):
    """The chosen paragraphs of an output."""
    if paragraphs is None:
        return lines
    chosen = {int(number) for number in paragraphs.split(",")}
    out = []
    for number, paragraph in enumerate("\n".join(lines).split("\n\n")):
        if number in chosen:
            out.append(paragraph)
        elif not out or out[-1] != "...":
            out.append("...")
    return "\n\n".join(out).split("\n")


def run_console(folder, block):
    """The block's body as it is today."""
    given = commands(block)
    out = []
    for number, (command, output) in enumerate(given):
        out.append(f"$ {command}")
        if command.startswith(NOT_RUN) or command == WHOLE_SUITE:
            assert output == []
            continue
        code = int(block.options.get("exit", 0)) if number == len(given) - 1 else 0
        lines = shown(folder.run(command, code), block.options.get("show"))
        if output:
            out += lines if masked(lines) != masked(output) else output
    return "\n".join(out) + "\n"


def run_page(page, folder):
    """Each block that shows an output, with its body as it is today."""
    today = []
    printed = None
    for number, block in enumerate(blocks(page)):
        if "file" in block.options:
            (folder.path / block.options["file"]).write_text(block.body, encoding="utf-8")
        if block.language == "console":
            today.append((block, run_console(folder, block)))
        elif block.language == "yaml":
            path = folder.path / block.options.get("file", f"block{number}.yaml")
            path.write_text(block.body, encoding="utf-8")
            load(path)
        elif block.language == "python" and "file" not in block.options:
            path = folder.path / f"block{number}.py"
            path.write_text(block.body, encoding="utf-8")
            printed = "\n".join(folder.run(shlex.join(["python", path.name]))) + "\n"
        elif "output" in block.options:
            today.append((block, printed))
    return today


def write(page, today):
    text = (ROOT / page).read_text(encoding="utf-8")
    for block, body in reversed(today):
        text = text[: block.start] + body + text[block.end :]
    (ROOT / page).write_text(text, encoding="utf-8")


@pytest.mark.timeout(240)  # a page has a dozen commands
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_its_commands_print_today(page, tmp_path, update_docs):
    today = run_page(page, Folder(tmp_path))
    if update_docs:
        write(page, today)
    assert [masked(body.splitlines()) for _, body in today] == [
        masked(block.body.splitlines()) for block in blocks(page) if (block.start, block.end) in spans(today, page)
    ]


def spans(today, page):
    """Where the compared blocks stand now: by their order, since writing moves them."""
    compared = [block for block in blocks(page) if block.language == "console" or "output" in block.options]
    assert len(compared) == len(today)
    return {(block.start, block.end) for block in compared}


def test_every_block_that_has_a_language_is_looked_at():
    known = {"console", "python", "yaml", "text", "csv"}  # the last two are only shown
    named = {page: re.findall(r"^```(\w+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE) for page in PAGES}
    assert {page: set(found) - known for page, found in named.items() if set(found) - known} == {}


# -- the demo --------------------------------------------------------------------------------------------------------


def demo():
    return next(block for block in blocks("README.md") if "demo" in block.options)


def demo_command():
    """What `make demo` runs, as make prints it."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    recipe = next(lines[number + 1] for number, line in enumerate(lines) if line.startswith("demo:"))
    return recipe.strip().replace("$(BIN)", ".venv/bin")


def rows(lines):
    """The lines of the table of sizes."""
    return [line.split() for line in lines if re.match(r" *\d+ +\d+ +float32 +sum ", line)]


def test_the_first_screen_is_make_demo_and_make_test():
    assert [block.body for block in blocks("README.md")[:2]] == ["$ make demo\n", "$ make test\n"]


def test_the_demo_of_the_readme_has_today_s_times_for_its_first_sizes(tmp_path):
    """The short rows, cheap enough for every run of the gate; the slow test below has the rest and the digest."""
    today = rows(Folder(tmp_path).run("kernbench run --sips 4 --workers 2 -e 16KiB"))
    assert (len(today), rows(demo().body.splitlines())[:2]) == (2, today)


@pytest.mark.slow
def test_the_demo_of_the_readme_has_today_s_digest_and_times(tmp_path, update_docs):
    command = demo_command()
    lines = [command, *Folder(tmp_path).run(command.removeprefix(".venv/bin/"))]
    if update_docs:
        write("README.md", [(demo(), "\n".join(lines) + "\n")])
    assert masked(demo().body.splitlines()) == masked(lines)
