"""From the tree of a document to the frozen sections of the schema, each value checked where it was written."""

import re
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from kernbench.common.errors import TopologyError
from kernbench.policy.routing import Mesh
from kernbench.topology.document import Scalar, Section, Tree
from kernbench.topology.quantity import Value, resolve
from kernbench.topology.schema import Component, LinkOverride

S = TypeVar("S", bound=Struct)
_MESH = re.compile(r"(\d{1,4})\s*x\s*(\d{1,4})")
WIDEST_MESH = 16


class FieldSpec(NamedTuple):
    """A key of a section: its name in the struct and in the text, its type and its limits."""

    name: str
    key: str
    type: Any
    limits: Meta | None
    required: bool


@cache
def field_specs(section: type[Struct]) -> tuple[FieldSpec, ...]:
    """The keys of a section of the schema."""
    specs = []
    for item in msgspec.structs.fields(section):
        kind, limits = item.type, None
        if isinstance(kind, UnionType):
            kind = next(arm for arm in get_args(kind) if arm is not NoneType)
        if get_origin(kind) is Annotated:
            kind, limits = get_args(kind)
        specs.append(FieldSpec(item.name, item.encode_name, kind, limits, item.required))
    return tuple(specs)


class Decoder:
    """Decodes sections and notes the text of every value that counts, by dotted key, in `effective`."""

    def __init__(self) -> None:
        self.effective: dict[str, str] = {}

    def section(self, kind: type[S], section: Tree, key: str) -> S:
        """The struct of a section; a part in it takes `kind` and every key that the struct does not name."""
        section = _keys(section, key)
        specs = field_specs(kind)
        rest = dict(section.entries)
        values: dict[str, Any] = {}
        for spec in specs:
            if spec.name == "part":
                continue
            tree = rest.pop(spec.key, None)
            full = f"{key}.{spec.key}" if key else spec.key
            if tree is not None:
                values[spec.name] = self._value(spec, tree, full)
            elif spec.required:
                raise section.place.error(full, "is missing; give it a value")
        if any(spec.name == "part" for spec in specs):
            values["part"] = self._component(rest, section, key)
        elif rest:
            _unknown(section, key, next(iter(rest)), [spec.key for spec in specs])
        return kind(**values)

    def _value(self, spec: FieldSpec, tree: Tree, key: str) -> Any:
        kind = spec.type
        if kind is Component:
            section = _keys(tree, key)
            return self._component(section.entries, section, key)
        if get_origin(kind) is dict:
            links = _keys(tree, key)
            return {name: self.section(LinkOverride, link, f"{key}.{name}") for name, link in links.entries.items()}
        if isinstance(kind, type) and issubclass(kind, Struct):
            return self.section(kind, tree, key)
        scalar = _scalar(tree, key)
        self.effective[key] = scalar.text
        try:
            return _convert(spec, key, scalar.text)
        except ValueError as error:
            raise scalar.place.error(key, str(error)) from error

    def _component(self, entries: dict[str, Tree], section: Section, key: str) -> Component:
        if "kind" not in entries:
            raise section.place.error(f"{key}.kind", "is missing; name the part, see `kernbench list kinds`")
        config: dict[str, Value] = {}
        for name, tree in entries.items():
            full = f"{key}.{name}"
            scalar = _scalar(tree, full)
            self.effective[full] = scalar.text
            try:
                config[name] = scalar.text if name == "kind" else resolve(full, scalar.text)
            except ValueError as error:
                raise scalar.place.error(full, str(error)) from error
        kind = str(config.pop("kind"))
        if not re.fullmatch(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?", kind):
            raise _scalar(entries["kind"], key).place.error(
                f"{key}.kind", f"expected a kind such as router or my_lab.npu:Systolic, got {kind[:60]}"
            )
        return Component(kind, key, config)


def _keys(tree: Tree, key: str) -> Section:
    if isinstance(tree, Scalar):
        raise tree.place.error(key, f"expected keys with values, got {tree.text[:60]}")
    return tree


def _scalar(tree: Tree, key: str) -> Scalar:
    if isinstance(tree, Section):
        raise tree.place.error(key, "expected one value, got keys")
    return tree


def _unknown(section: Section, key: str, name: str, known: list[str]) -> None:
    near = get_close_matches(name, known, 1, 0.5)
    remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    error: TopologyError = section.keys[name].error(f"{key}.{name}" if key else name, f"unknown key; {remedy}")
    raise error


def _convert(spec: FieldSpec, key: str, text: str) -> Any:
    if spec.type is Mesh:
        return _mesh(text)
    if get_origin(spec.type) is Literal:
        choices = get_args(spec.type)
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, got {text[:60]}")
        return text
    value = resolve(key, text)
    if spec.type is Fraction and isinstance(value, int | Fraction):
        return _limited(Fraction(value), text, spec.limits)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected {'a number' if spec.type is Fraction else 'a whole number'}, got {text[:60]}")
    return _limited(value, text, spec.limits)


def _limited(value: int | Fraction, text: str, limits: Meta | None) -> int | Fraction:
    if limits is None:
        return value
    if limits.ge is not None and value < limits.ge:
        raise ValueError(f"expected at least {limits.ge}, got {text}")
    if limits.le is not None and value > limits.le:
        raise ValueError(f"expected at most {limits.le}, got {text}")
    return value


def _mesh(text: str) -> Mesh:
    match = _MESH.fullmatch(text)
    if match is None:
        raise ValueError(f"expected columns x rows such as 4x4, got {text[:60]}")
    mesh = Mesh(int(match[1]), int(match[2]))
    if not (1 <= mesh.columns <= WIDEST_MESH and 1 <= mesh.rows <= WIDEST_MESH):
        raise ValueError(f"expected 1x1 to {WIDEST_MESH}x{WIDEST_MESH}, got {text}")
    return mesh
