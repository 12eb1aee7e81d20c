"""The documented defaults against the parts that read them, and kinds against the places that they are for."""

import msgspec
import pytest

from kernbench.common.errors import TopologyError
from kernbench.components import KINDS
from kernbench.di.catalog import resolve
from kernbench.di.device import SipDevice
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load, packaged_path

SMALL = ("cube_mesh=1x1", "fabric.kind=switch")
TOPOLOGY = compile_topology(load(packaged_path(), SMALL), 2)
PARTS = {node.key: node for node in TOPOLOGY.nodes(0)}


@pytest.mark.parametrize("key", PARTS)
def test_every_key_of_a_part_is_documented_and_every_documented_key_is_read(key):
    _, config = resolve(PARTS[key].kind)
    assert sorted(PARTS[key].config) == sorted(field.encode_name for field in msgspec.structs.fields(config))


def test_every_default_is_accepted_by_its_part():
    assert SipDevice(TOPOLOGY, 0).pes == ["cube00.pe0", "cube00.pe1", "cube00.pe2", "cube00.pe3"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", PARTS)
def test_a_kind_plays_in_a_place_or_is_refused_at_its_key_as_no_part_for_it(key, kind):
    try:
        SipDevice(compile_topology(load(packaged_path(), (*SMALL, f"{key}.kind={kind}")), 2), 0)
    except TopologyError as error:
        begin = f"--set {key}.kind: {kind!r} is no "
        needs = ("which this place needs", "engine of a PE: give it `kind`, `accepts` and `start`")
        said = str(error).splitlines()[0]
        assert (said.startswith(begin), said.endswith(needs)) == (True, True), said
