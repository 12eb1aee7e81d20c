"""Values of a topology: exact, with units, overridden, hashed, and sent to another process."""

from fractions import Fraction

import msgspec
import pytest

from kernbench.common.errors import TopologyError, UsageError
from kernbench.common.units import ns
from kernbench.topology.load import Source, default_path, load, packaged_path
from kernbench.topology.quantity import resolve


@pytest.fixture
def source(tmp_path):
    """The source of a file with this text, and overrides."""

    def load_text(text, *overrides):
        path = tmp_path / "topology.yaml"
        path.write_text(text)
        return load(path, overrides)

    return load_text


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("overhead_ns", "8.0", 8_000_000),
        ("overhead_ns", "0.01ns", 10_000),
        ("a.b.overhead_ns", "1us", 10**9),
        ("bw_gbs", "204.8", 204_800_000_000),
        ("bw_gbs", "1TB/s", 10**12),
        ("size_bytes", "64KiB", 65536),
        ("size_bytes", "64", 64),
        ("clock_ghz", "1.25", 1_250_000_000),
        ("clock_ghz", "800MHz", 800_000_000),
        ("length_mm", "0.1", Fraction(1, 10)),
        ("length_mm", "500um", Fraction(1, 2)),
        ("efficiency", "0.8", Fraction(4, 5)),
        ("slots", "8", 8),
        ("flow", "output_stationary", "output_stationary"),
        ("open_rows", "true", True),
    ],
)
def test_the_suffix_of_a_key_gives_the_unit_of_a_plain_number(key, text, value):
    assert (resolve(key, text), type(resolve(key, text))) == (value, type(value))


def test_a_time_finer_than_a_femtosecond_is_refused():
    with pytest.raises(ValueError, match="not a whole number of fs; round it to one"):
        resolve("overhead_ns", "0.0000001")


def test_a_key_that_a_file_leaves_out_keeps_the_packaged_default(source):
    system = source("sips: 2").system
    assert (system.sips, system.sip.ucie.part.overhead, system.sip.cube.pes) == (2, ns(8), 4)


def test_a_part_of_another_kind_does_not_inherit_the_keys_of_the_default_part(source):
    loaded = source("sip: {cube: {pe: {pe_gemm: {kind: 'my_lab.npu:Systolic', depth: 3}}, noc: {kind: torus}}}")
    noc = loaded.system.sip.cube.noc
    assert (loaded.system.sip.cube.pe.pe_gemm.config, noc.part.config, str(noc.mesh)) == ({"depth": 3}, {}, "2x2")


def test_setting_another_kind_drops_the_keys_of_the_old_part_but_not_those_set_with_it():
    overrides = ("sip.cube.pe.pe_gemm.depth=3", "sip.cube.pe.pe_gemm.kind=my_lab.npu:Systolic")
    assert load(packaged_path(), overrides).system.sip.cube.pe.pe_gemm.config == {"depth": 3}


def test_a_section_with_a_kind_passes_its_own_keys_on_and_keeps_the_link_keys(source):
    noc = source("sip: {cube: {noc: {overhead_ns: 2, colour: red}}}").system.sip.cube.noc
    assert (noc.part.config, noc.bw) == ({"overhead_ns": ns(2), "colour": "red"}, 256 * 10**9)


def test_set_takes_the_full_key_or_a_unique_suffix_over_file_and_default(source):
    loaded = source("sips: 2", "sips=3", "hbm_ctrl.slices=8", "sip.ucie.overhead_ns=4ns")
    system = loaded.system
    assert (system.sips, system.sip.cube.hbm_ctrl.config["slices"], system.sip.ucie.part.overhead) == (3, 8, ns(4))


def test_set_reaches_a_key_of_a_part_and_of_a_fabric_link_that_nothing_spells_out(source):
    system = source("sips: 2", "sip.cube.hbm_ctrl.mode=banked", "fabric.links.0->1.latency_ns=600").system
    assert (system.sip.cube.hbm_ctrl.config["mode"], system.fabric.links["0->1"].latency) == ("banked", ns(600))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sips", "--set sips: expected key=value, such as --set sips=2"),
        ("=3", "--set =3: expected key=value, such as --set sips=2"),
        ("slicez=3", "--set slicez: unknown key; did you mean sip.cube.hbm_ctrl.slices?"),
        ("sip.cube.hbm_ctrl.efficency=1", ("--set sip.cube.hbm_ctrl.efficency: unknown key; "
         "did you mean sip.cube.hbm_ctrl.efficiency?")),
        ("qqqqqq=3", "--set qqqqqq: unknown key; `kernbench topology schema` lists all keys"),
        ("fabric.zzz=3", "--set fabric.zzz: unknown key; known here: kind, bw_gbs, latency_ns, credit_ns, buffer_bytes"),
        ("clock_ghz=2", ("--set clock_ghz: matches sip.cube.pe.pe_gemm.clock_ghz, sip.cube.pe.pe_math.clock_ghz; "
         "give more of the key")),
    ],
)  # fmt: skip
def test_a_wrong_set_names_the_candidates_or_the_nearest_key(source, override, message):
    with pytest.raises(UsageError) as caught:
        source("sips: 2", override)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sips=-3", "--set sips: expected at least 1, got -3\n  sips=-3\n       ^"),
        ("fabric.bw_gbs=yes", ("--set fabric.bw_gbs: yes is a boolean to some YAML readers; write true or false, "
         "or quote it\n  fabric.bw_gbs=yes\n                ^")),
    ],
)  # fmt: skip
def test_a_wrong_value_of_set_points_into_the_option(source, override, message):
    with pytest.raises(TopologyError) as caught:
        source("sips: 2", override)
    assert str(caught.value) == message


def test_an_error_can_be_raised_later_at_any_key(source):
    loaded = source("host:\n  call_ns: 7\n")
    assert str(loaded.error("host.call_ns", "too long")) == (
        f"{loaded.name}:2:12 host.call_ns: too long\n    call_ns: 7\n             ^"
    )
    assert str(loaded.error("host.nothing", "is missing")).startswith(f"{loaded.name}:1:1 host.nothing: is missing")
    assert str(loaded.error("sip.pcie.bw_gbs", "odd")).startswith("kernbench/data/topology.yaml:")


def test_equal_values_have_equal_hashes_whatever_their_spelling(source):
    one, other = source("sip: {ucie: {overhead_ns: 8ns}}"), source("sips: 4")
    different = source("sip: {ucie: {overhead_ns: 8.1}}")
    assert (one.effective_sha256 == other.effective_sha256, one.sha256 == other.sha256) == (True, False)
    assert one.effective_sha256 != different.effective_sha256


def test_effective_values_travel_as_json_and_give_the_same_system_without_a_file(source):
    loaded = source("fabric: {links: {'0-1': {bw_gbs: 25}}}", "pe_gemm.kind=my_lab.npu:Systolic")
    sent = msgspec.json.decode(msgspec.json.encode(loaded.effective()))
    received = Source.from_effective(sent)
    assert (received.system, received.effective_sha256) == (loaded.system, loaded.effective_sha256)


def test_the_default_file_is_the_local_one_else_the_packaged_copy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = default_path()
    (tmp_path / "topology.yaml").write_text("sips: 2")
    assert (before, str(default_path()), load().system.sips) == (packaged_path(), "topology.yaml", 2)


def test_every_default_of_the_packaged_file_reads_as_written_when_it_is_the_file():
    assert (load(packaged_path()).unread_keys(), load(packaged_path()).name) == ([], "kernbench/data/topology.yaml")
