"""What every key of a topology means: its unit, its default and the comment that stands beside it in the packaged file."""

import msgspec

from kernbench.topology.decode import field_specs
from kernbench.topology.document import Scalar, Section
from kernbench.topology.load import Source, packaged_path, packaged_tree
from kernbench.topology.quantity import unit_of
from kernbench.topology.schema import LinkOverride


class KeyDescription(msgspec.Struct, frozen=True):
    """One key; `value` is what the described topology has."""

    key: str
    unit: str
    default: str
    value: str
    meaning: str


def describe(source: Source) -> list[KeyDescription]:
    """All keys in the order of the packaged file, then the keys that only this topology has."""
    lines = packaged_path().read_text(encoding="utf-8").splitlines()
    values = source.effective()
    rows = []
    for key, default, line in _keys(packaged_tree(), ""):
        value = values.pop(key, "")
        rows.append(KeyDescription(key, _unit(key), default, value, _comment(lines[line - 1])))
        if key == "fabric.buffer_bytes":
            rows += _overrides(values)
    rows += [KeyDescription(key, _unit(key), "", value, "read by its part alone") for key, value in values.items()]
    return rows


def _overrides(values: dict[str, str]) -> list[KeyDescription]:
    rows = []
    for spec in field_specs(LinkOverride):
        key = f"fabric.links.PAIR.{spec.key}"
        given = [name for name in values if name.startswith("fabric.links.") and name.endswith(f".{spec.key}")]
        value = ", ".join(f"{name.split('.')[2]}: {values.pop(name)}" for name in given)
        meaning = 'of one link, PAIR is "0-1" for both ways or "0->1" for one'
        rows.append(KeyDescription(key, _unit(key), f"fabric.{spec.key}", value, meaning))
    return rows


def _keys(section: Section, key: str) -> list[tuple[str, str, int]]:
    found = []
    for name, tree in section.entries.items():
        full = f"{key}.{name}" if key else name
        if isinstance(tree, Scalar):
            found.append((full, tree.text, section.keys[name].line))
        else:
            found += _keys(tree, full)
    return found


def _unit(key: str) -> str:
    unit = unit_of(key)
    if unit is not None:
        return unit.name
    return "ns/mm" if key == "ns_per_mm" else ""


def _comment(line: str) -> str:
    return line.partition("# ")[2].strip()
