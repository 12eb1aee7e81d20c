"""Every kind of hardware: its class resolves, and its config is frozen, strict and explained."""

from pathlib import Path

import msgspec
import pytest
import yaml

from kernbench.components import KINDS
from kernbench.components.component import Component, Config
from kernbench.di.catalog import resolve
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load

TOPOLOGY = Path(__file__).parents[2] / "kernbench" / "data" / "topology.yaml"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_a_documented_component(kind):
    found, _ = resolve(kind)
    assert (issubclass(found, Component), bool(found.__doc__)) == (True, True)


@pytest.mark.parametrize("kind", KINDS)
def test_its_config_is_frozen_and_takes_no_unknown_key(kind):
    _, config = resolve(kind)
    settings = config.__struct_config__
    assert (issubclass(config, Config), settings.frozen, settings.forbid_unknown_fields) == (True, True, True)


@pytest.fixture(scope="module")
def commented():
    """The dotted keys of the packaged topology.yaml that have a comment in their line."""
    text = TOPOLOGY.read_text()
    lines = text.splitlines()

    def walk(node, prefix):
        for key, value in node.value:
            if isinstance(value, yaml.MappingNode):
                yield from walk(value, f"{prefix}{key.value}.")
            elif "#" in lines[key.start_mark.line]:
                yield f"{prefix}{key.value}"

    return set(walk(yaml.compose(text), ""))


@pytest.fixture(scope="module")
def nodes():
    return compile_topology(load(TOPOLOGY, ["sip.cube_mesh=1x1"]), 2).nodes(0)


@pytest.mark.parametrize("kind", KINDS)
def test_its_config_and_each_of_its_keys_are_explained(kind, commented, nodes):
    """The class says what they are; topology.yaml has each key with a comment, but an overhead of a part that has none."""
    _, config = resolve(kind)
    fields = [field.encode_name for field in msgspec.structs.fields(config)]
    keys = {f"{node.key}.{field}" for node in nodes if node.kind == kind for field in fields}
    silent = {key for key in keys - commented if not key.endswith(".overhead_ns")}
    assert (bool(config.__doc__), silent) == (True, set())
