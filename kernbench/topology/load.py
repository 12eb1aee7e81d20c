"""Loads a topology: the packaged defaults, a file over them, `--set` over both; every value keeps its place."""

import hashlib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from kernbench.common.errors import TopologyError, UsageError
from kernbench.topology.decode import Decoder, field_specs
from kernbench.topology.document import MOST_BYTES, Place, Scalar, Section, Tree, plain_scalar, read_document
from kernbench.topology.quantity import resolve
from kernbench.topology.schema import CubeNoc, Fabric, System

DEFAULT_NAME = "topology.yaml"
PACKAGED_NAME = "kernbench/data/topology.yaml"


class Source:
    """A loaded topology: `system` is what it says; errors can still be raised at any of its keys.

    `name` is how messages call the file, `sha256` is of its bytes, `effective_sha256` of all values after defaults and
    overrides, whatever their spelling (8.0 and 8ns are one).
    """

    def __init__(self, name: str, tree: Section, sha256: str, written: frozenset[str]) -> None:
        self.name = name
        self.sha256 = sha256
        self._tree = tree
        self._written = written
        self._read: set[str] = set()
        decoder = Decoder()
        self.system: System = decoder.section(System, tree, "")
        self._effective = decoder.effective

    @classmethod
    def from_effective(cls, effective: Mapping[str, str]) -> "Source":
        """The source that `effective()` described, without any file."""
        place = Place("topology")
        tree = Section(place)
        for key, text in effective.items():
            _put(tree, key, Scalar(text, place), place)
        return cls("topology", tree, "", frozenset())

    def effective(self) -> dict[str, str]:
        """Every value that counts, as text by dotted key: what `from_effective` reads."""
        return dict(self._effective)

    @property
    def effective_sha256(self) -> str:
        """Hash of the canonical JSON of all values."""
        return effective_sha256(self._effective)

    def error(self, key: str, message: str) -> TopologyError:
        """A TopologyError at a dotted key, or at the nearest section above it that was written."""
        return self._place(key).error(key, message)

    def mark_read(self, key: str) -> None:
        """Note that a key, or all keys of a section, had a use."""
        self._read.add(key)

    def is_given(self, key: str) -> bool:
        """Whether a key was given a value other than the default."""
        return key in self._written

    def unread_keys(self) -> list[str]:
        """Keys that were given a value other than the default and that nothing used, in order."""
        return [key for key in self._effective if key in self._written and not self._was_read(key)]

    def _was_read(self, key: str) -> bool:
        return key in self._read or any(key.startswith(f"{section}.") for section in self._read)

    def _place(self, key: str) -> Place:
        place, tree = self._tree.place, self._tree
        for part in key.split("."):
            child = tree.entries.get(part)
            if child is None:
                break
            place = child.place
            if isinstance(child, Scalar):
                break
            place = tree.keys.get(part, place)
            tree = child
        return place


def effective_sha256(effective: Mapping[str, str]) -> str:
    """Hash of the canonical JSON of resolved values by dotted key."""
    values = {key: str(resolve(key, text)) for key, text in effective.items()}
    return hashlib.sha256(msgspec.json.encode(dict(sorted(values.items())))).hexdigest()


def load(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Source:
    """The topology of `path` (None: `default_path()`) with `key=value` overrides."""
    path = default_path() if path is None else Path(path)
    name = PACKAGED_NAME if path == packaged_path() else str(path)
    content = _content(path, name)
    packaged = packaged_tree()
    # The packaged file adds nothing to the defaults that it is.
    tree = Section(packaged.place) if path == packaged_path() else read_document(_text(content, name), name)
    # Kinds first: a new kind drops the keys of the old part, but not those that other overrides give it.
    for override in sorted(overrides, key=lambda text: not text.partition("=")[0].strip().endswith("kind")):
        _override(tree, _merge(packaged, tree), override)
    defaults = _flat(packaged)
    written = {key for key, scalar in _flat(tree).items() if key not in defaults or scalar.text != defaults[key].text}
    return Source(name, _merge(packaged, tree), hashlib.sha256(content).hexdigest(), frozenset(written))


def default_path() -> Path:
    """`./topology.yaml` when there is one, else the packaged copy."""
    local = Path(DEFAULT_NAME)
    return local if local.exists() else packaged_path()


def packaged_path() -> Path:
    """The copy of topology.yaml that kernbench brings; all defaults stand in it."""
    return Path(str(files("kernbench") / "data" / DEFAULT_NAME))


@cache
def packaged_tree() -> Section:
    """The documented defaults."""
    return read_document(packaged_path().read_text(encoding="utf-8"), PACKAGED_NAME)


def _content(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Place(name).error("", f"cannot be read: {error.strerror or error}; give the path of a file") from error
    except ValueError as error:
        raise Place(name).error("", f"cannot be read: {error}; give the path of a file") from error
    if len(content) > MOST_BYTES:
        raise Place(name).error("", "is larger than 1 MiB; a topology has about a hundred keys")
    return content


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Place(name).error("", f"not a text file: byte {error.start} is not UTF-8") from error


def _merge(default: Section, given: Section) -> Section:
    """`given` over `default`; a part of another kind than the default's does not inherit that part's own keys."""
    merged = Section(given.place)
    kind, default_kind = given.entries.get("kind"), default.entries.get("kind")
    replaced = isinstance(kind, Scalar) and isinstance(default_kind, Scalar) and kind.text != default_kind.text
    for name, tree in default.entries.items():
        other = given.entries.get(name)
        if other is None and replaced and name not in _OWNED:
            continue
        merged.keys[name] = given.keys.get(name, default.keys[name])
        both = isinstance(tree, Section) and isinstance(other, Section)
        merged.entries[name] = _merge(tree, other) if both else (other or tree)  # type: ignore[arg-type]
    for name, tree in given.entries.items():
        merged.entries.setdefault(name, tree)
        merged.keys.setdefault(name, given.keys[name])
    return merged


_OWNED = frozenset(spec.key for section in (CubeNoc, Fabric) for spec in field_specs(section)) - {"kind", "part"}
"""Keys beside a `kind` that belong to the link or the mesh, not to the part."""


def _flat(section: Section, key: str = "") -> dict[str, Scalar]:
    flat: dict[str, Scalar] = {}
    for name, tree in section.entries.items():
        full = f"{key}.{name}" if key else name
        if isinstance(tree, Scalar):
            flat[full] = tree
        else:
            flat.update(_flat(tree, full))
    return flat


def _override(tree: Section, merged: Section, override: str) -> None:
    key, equals, text = override.partition("=")
    key, text = key.strip(), text.strip()
    if not equals or not key:
        raise UsageError(f"--set {override[:80]}: expected key=value, such as --set sips=2")
    place = Place("--set", (override,), 0, len(override) - len(text) + 1)
    full = _resolve_key(merged, key)
    if full.endswith(".kind"):
        _clear_part(tree, full, text)
    _put(tree, full, plain_scalar(full, text, place), place)


def _clear_part(tree: Section, key: str, kind: str) -> None:
    """Forget what the file gives to a part that an override replaces by one of another kind."""
    for name in key.split(".")[:-1]:
        child = tree.entries.get(name)
        if not isinstance(child, Section):
            return
        tree = child
    given = tree.entries.get("kind")
    if isinstance(given, Scalar) and given.text != kind:
        for name in [name for name in tree.entries if name not in _OWNED]:
            del tree.entries[name], tree.keys[name]


def _resolve_key(merged: Section, key: str) -> str:
    known = list(_flat(merged))
    if key in known:
        return key
    matches = [full for full in known if full.endswith(f".{key}")]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"--set {key}: matches {', '.join(matches)}; give more of the key")
    section, _, name = key.rpartition(".")
    siblings = [full.rpartition(".")[2] for full in known if full.rpartition(".")[0] == section]
    if key.startswith("fabric.links.") and key.count(".") == 3:
        return key
    # A part may have more keys than the defaults spell out; the part itself refuses what it does not know.
    if "kind" in siblings and section != "fabric" and not get_close_matches(name, siblings, 1, 0.8):
        return key
    if section and siblings and not get_close_matches(name, siblings, 1, 0.5):
        raise UsageError(f"--set {key[:80]}: unknown key; known here: {', '.join(siblings)}")
    by_name = {full.rpartition(".")[2]: full for full in reversed(known)}
    near = get_close_matches(key, known, 1, 0.6) or [by_name[m] for m in get_close_matches(name, by_name, 1, 0.5)]
    remedy = f"did you mean {near[0]}?" if near else "`kernbench topology schema` lists all keys"
    raise UsageError(f"--set {key[:80]}: unknown key; {remedy}")


def _put(tree: Section, key: str, scalar: Scalar, place: Place) -> None:
    *sections, name = key.split(".")
    for part in sections:
        child: Tree = tree.entries.setdefault(part, Section(place))
        tree.keys.setdefault(part, place)
        if isinstance(child, Scalar):
            raise child.place.error(key, f"expected keys with values, got {child.text[:60]}")
        tree = child
    tree.entries[name] = scalar
    tree.keys[name] = place
