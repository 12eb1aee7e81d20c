"""The documented defaults against the parts that read them: the same keys on both sides."""

import msgspec
import pytest

from kernbench.di.catalog import resolve
from kernbench.di.device import SipDevice
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load, packaged_path

TOPOLOGY = compile_topology(load(packaged_path(), ("cube_mesh=1x1", "fabric.kind=switch")), 2)
PARTS = {node.key: node for node in TOPOLOGY.nodes(0)}


@pytest.mark.parametrize("key", PARTS)
def test_every_key_of_a_part_is_documented_and_every_documented_key_is_read(key):
    _, config = resolve(PARTS[key].kind)
    assert sorted(PARTS[key].config) == sorted(field.encode_name for field in msgspec.structs.fields(config))


def test_every_default_is_accepted_by_its_part():
    assert SipDevice(TOPOLOGY, 0).pes == ["cube00.pe0", "cube00.pe1", "cube00.pe2", "cube00.pe3"]
