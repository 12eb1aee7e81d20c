"""The documented defaults against the parts that read them: the same keys on both sides."""

import msgspec
import pytest

from kernbench.di.catalog import check_parts, resolve
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load, packaged_path

TOPOLOGY = compile_topology(load(packaged_path(), ("cube_mesh=1x1", "fabric.kind=switch")), 2)
PARTS = {node.key: node for node in TOPOLOGY.nodes(0)}


@pytest.mark.parametrize("key", PARTS)
def test_every_key_of_a_part_is_documented_and_every_documented_key_is_read(key):
    _, config = resolve(PARTS[key].kind)
    assert sorted(PARTS[key].config) == sorted(field.encode_name for field in msgspec.structs.fields(config))


def test_every_default_is_accepted_by_its_part():
    check_parts(TOPOLOGY)
