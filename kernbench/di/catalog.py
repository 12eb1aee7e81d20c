"""From the `kind` of a node to the class that plays it, and from its YAML section to that class's config."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from importlib import import_module
from operator import attrgetter
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from kernbench.components import KINDS
from kernbench.topology.compile import Topology
from kernbench.topology.graph import Node
from kernbench.topology.load import Source
from kernbench.topology.quantity import Value


@cache
def resolve(kind: str) -> tuple[type, type[msgspec.Struct]]:
    """The class of a kind (a name in the table, or `module:Class`) and its config's class.

    Raises LookupError with a remedy when there is no such class.
    """
    target = KINDS.get(kind, kind)
    module_name, colon, qualname = target.partition(":")
    if not colon:
        near = get_close_matches(kind, KINDS, 1)
        hint = f"did you mean {near[0]}" if near else f"known kinds: {', '.join(KINDS)}"
        raise LookupError(f"unknown kind {kind!r}; {hint}; a part of your own is module:Class")
    try:
        found = attrgetter(qualname)(import_module(module_name))
    except (ImportError, AttributeError) as error:
        raise LookupError(f"kind {kind!r} cannot be loaded: {error}") from error
    hints = get_type_hints(found)
    config = hints.get("config") or get_type_hints(found.__init__).get("config")
    if not isinstance(config, type) or not issubclass(config, msgspec.Struct):
        raise LookupError(
            f"kind {kind!r}: {qualname} names no config; annotate `config: YourConfig` (a msgspec Struct)"
        )
    return found, config


def configure(node: Node, source: Source) -> Any:
    """The node's config object; a key that its part does not know, or a wrong value, is an error at that key."""
    try:
        _, config_class = resolve(node.kind)
    except LookupError as error:
        raise source.error(f"{node.key}.kind", str(error)) from error
    names = [field.encode_name for field in msgspec.structs.fields(config_class)]
    for name in node.config:
        source.mark_read(f"{node.key}.{name}")
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"{node.kind} knows: {', '.join(names) or 'no keys'}"
            raise source.error(f"{node.key}.{name}", f"unknown key of {node.kind}; {hint}")
    for name, value in node.config.items():
        if isinstance(value, bool | str):
            continue
        if value < 0 or (value == 0 and not name.endswith("_ns")):
            key, least = f"{node.key}.{name}", ">= 0" if name.endswith("_ns") else "> 0"
            raise source.error(key, f"expected {least}, got {source.effective()[key][:60]}")
    values = _as_declared(node.config, config_class)
    try:
        return msgspec.convert(values, config_class, dec_hook=_decode)
    except msgspec.ValidationError as error:
        name, why = _culprit(values, config_class, str(error))
        key = f"{node.key}.{name}" if name else node.key
        raise source.error(key, _in_words(why.split(" - at")[0], source.effective().get(key, ""))) from error


def idle_keys(topology: Topology) -> dict[str, str]:
    """Keys that were given and do nothing, and why: nothing reads them, or not beside the others of their part."""
    source = topology.source
    found = dict.fromkeys(source.unread_keys(), "nothing reads this key here; remove it")
    for node in {node.key: node for node in topology.nodes(0)}.values():
        given = [name for name in node.config if source.is_given(f"{node.key}.{name}")]
        if given:  # only then is its part loaded
            unused: dict[str, str] = getattr(configure(node, source), "unused", dict)()
            found |= {f"{node.key}.{name}": unused[name] for name in given if name in unused}
    return found


def _as_declared(config: Mapping[str, Value], config_class: type) -> dict[str, object]:
    """The values, decimals as floats where a part of somebody's own wants those."""
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(config_class)}
    return {
        name: float(value) if isinstance(value, Fraction) and float in (kinds[name], *get_args(kinds[name])) else value
        for name, value in config.items()
    }


def _culprit(values: Mapping[str, object], config_class: type, why: str) -> tuple[str, str]:
    """The key that is wrong and why: wrong by itself, or else the first that the complaint about them all names."""
    for name, value in values.items():
        try:
            msgspec.convert({name: value}, config_class, dec_hook=_decode)
        except msgspec.ValidationError as error:
            if "missing required" not in str(error):
                return name, _listed(config_class, name, value) or str(error)
    return next((name for name in values if name in why), ""), why


def _listed(config_class: type, name: str, value: object) -> str:
    """What a key may be whose values are listed; nothing of another one."""
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(config_class)}
    values = get_args(kinds[name]) if get_origin(kinds[name]) is Literal else ()
    return f"expected {' or '.join(map(str, values))}, got {value}" if values else ""


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "Fraction": "a number",
    "bool": "true or false",
    "str": "a text",
}


def _in_words(why: str, text: str) -> str:
    """A complaint about a value's type without Python's names for types, and with the text that was written."""
    types = re.match(r"[Ee]xpected `(\w+)(?: \| null)?`, got `\w+`$", why)
    return f"expected {_WORDS.get(types[1], types[1])}, got {text[:60]}" if types else why


def _decode(wanted: type, value: object) -> object:
    if wanted is Fraction and isinstance(value, int | Fraction) and not isinstance(value, bool):
        return Fraction(value)
    raise TypeError(f"Expected `{wanted.__name__}`, got `{type(value).__name__}`")
