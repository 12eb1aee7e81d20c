"""The documented defaults against the parts that read them, and kinds against the places that they are for."""

import msgspec
import pytest

from kernbench.common.errors import TopologyError
from kernbench.components import KINDS
from kernbench.components.component import Forwarding
from kernbench.components.m_cpu import MCpu
from kernbench.di.catalog import configure, resolve
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


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hbm_ctrl.outstanding=0.5", "hbm_ctrl.outstanding: expected a whole number, got 0.5"),
        ("hbm_ctrl.outstanding=many", "hbm_ctrl.outstanding: expected a whole number, got many"),
        ("hbm_ctrl.outstanding=true", "hbm_ctrl.outstanding: expected a whole number, got true"),
        ("hbm_ctrl.outstanding=-3", "hbm_ctrl.outstanding: expected > 0, got -3"),
        ("hbm_ctrl.outstanding=65537", "hbm_ctrl.outstanding: expected at most 65536, got 65537"),
        ("hbm_ctrl.efficiency=fast", "hbm_ctrl.efficiency: expected a number, got fast"),
        ("hbm_ctrl.efficiency=true", "hbm_ctrl.efficiency: expected a number, got true"),
        ("hbm_ctrl.efficiency=-0.5", "hbm_ctrl.efficiency: expected > 0, got -0.5"),
        ("hbm_ctrl.mode=fast", "hbm_ctrl.mode: expected simple or banked, got fast"),
        ("pe_dma.load_channels=1025", "pe.pe_dma.load_channels: expected at most 1024, got 1025"),
        ("pe_gemm.rows=64KiB", "pe.pe_gemm.rows: expected a whole number, got 64KiB"),
    ],
)
def test_a_value_that_a_part_cannot_take_is_refused_in_words_with_what_was_written(override, message):
    with pytest.raises(TopologyError) as raised:
        SipDevice(compile_topology(load(packaged_path(), (*SMALL, override)), 2), 0)
    assert str(raised.value).splitlines()[0] == f"--set sip.cube.{message}"


class OwnConfig(Forwarding, frozen=True):
    """Keys of the types that a part of one's own may want."""

    eager: bool = True
    share: float = 0.0
    most: int | None = None


class Own(MCpu):
    """An m_cpu with such keys."""

    config: OwnConfig


def test_a_part_of_ones_own_may_have_switches_and_decimals():
    values = {"kind": f"{__name__}:Own", "eager": "false", "share": "0.25"}
    overrides = [f"sip.cube.m_cpu.{name}={value}" for name, value in values.items()]
    topology = compile_topology(load(packaged_path(), (*SMALL, *overrides)), 2)
    node = next(node for node in topology.nodes(0) if node.key == "sip.cube.m_cpu")
    assert configure(node, topology.source) == OwnConfig(eager=False, share=0.25)


def test_a_key_of_ones_own_that_may_be_missing_is_refused_in_words_too():
    overrides = (f"sip.cube.m_cpu.kind={__name__}:Own", "sip.cube.m_cpu.most=many")
    topology = compile_topology(load(packaged_path(), (*SMALL, *overrides)), 2)
    node = next(node for node in topology.nodes(0) if node.key == "sip.cube.m_cpu")
    with pytest.raises(TopologyError) as raised:
        configure(node, topology.source)
    assert str(raised.value).splitlines()[0] == "--set sip.cube.m_cpu.most: expected a whole number, got many"
