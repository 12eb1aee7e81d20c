"""The commands that the pages name and the commands that there are: neither has one that the other lacks."""

import re
from pathlib import Path

import click
import pytest

from kernbench.cli import group

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"\bkernbench ([a-z]+)(?: ([a-z]+(?:\|[a-z]+)*))?")
"""`kernbench topology draw`, or several at once: `kernbench topology check|show`."""


def tree():
    """Each command, with the names of its own commands if it has any."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: set(each.commands) if isinstance(each, click.Group) else set() for name, each in found.items()}


def named(text):
    """Commands and their own commands in code of a page: between backticks, or in a block from the line's begin on."""
    prose, blocks = text.split("```")[::2], text.split("```")[1::2]
    code = [each for part in prose for each in re.findall(r"`([^`\n]+)`", part)]
    code += [
        line for block in blocks for line in block.splitlines() if line.removeprefix("$ ").startswith("kernbench ")
    ]
    for match in (match for part in code for match in NAMED.finditer(part)):
        for own in (match[2] or "").split("|"):
            yield match[1], own


def test_every_command_is_named_in_a_page():
    there = {pair for page in PAGES for pair in named(page.read_text())}
    commands = {(name, own) for name, owns in tree().items() for own in owns or {""}}
    bare = {name for name, _ in there}
    assert (
        sorted(" ".join(pair) for pair in commands if (pair[0] not in bare if not pair[1] else pair not in there)) == []
    )


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_page_names_no_command_that_is_not_there(page):
    commands = tree()
    wrong = [
        f"{name} {own}".strip()
        for name, own in named(page.read_text())
        if name not in commands or (own and commands[name] and own not in commands[name])
    ]
    assert wrong == []
