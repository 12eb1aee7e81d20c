"""What a topology file may not say, and the exact words of the refusal."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernbench.common.errors import ExitCode, TopologyError
from kernbench.topology.load import load, packaged_path


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """The text of the error that a topology file with this content raises."""
    monkeypatch.chdir(tmp_path)

    def load_text(content):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "topology.yaml").write_bytes(data)
        with pytest.raises(TopologyError) as caught:
            load("topology.yaml")
        assert caught.value.exit_code == ExitCode.USAGE
        return str(caught.value)

    return load_text


def test_a_negative_bandwidth_is_refused_with_its_place_and_a_caret_below_the_value(refusal):
    text = "sip:\n  cube:\n    hbm_ctrl:\n      bw_gbs: -3\n"
    assert refusal(text) == (
        "topology.yaml:4:15 sip.cube.hbm_ctrl.bw_gbs: expected > 0, got -3\n        bw_gbs: -3\n                ^"
    )


@pytest.mark.parametrize(
    ("text", "first_line"),
    [
        ("sips: 4\nsips: 8", "topology.yaml:2:1 sips: appears twice, first on line 1; keep one of them"),
        (
            "fabric: &f {bw_gbs: 50}",
            "topology.yaml:1:9 fabric: anchor &f is not allowed; write the value where it is used",
        ),
        ("fabric: *f", "topology.yaml:1:9 fabric: alias *f is not allowed; repeat the value"),
        (
            "sips: 10:30",
            "topology.yaml:1:7 sips: 10:30 is a base-60 number to some YAML readers; write the number in base 10",
        ),
        (
            "host: {call_ns: on}",
            "topology.yaml:1:17 host.call_ns: on is a boolean to some YAML readers; write true or false, or quote it",
        ),
        (
            "host: {call_ns: No}",
            "topology.yaml:1:17 host.call_ns: No is a boolean to some YAML readers; write true or false, or quote it",
        ),
        (
            "sips: 1e9",
            ("topology.yaml:1:7 sips: 1e9 is a number to some YAML readers and a text to others; "
            "write all its digits or a unit such as 8ns"),
        ),
        ("sips: 010", "topology.yaml:1:7 sips: 010 is an octal number to some YAML readers; drop the leading 0"),
        ("sips: 0x10", "topology.yaml:1:7 sips: 0x10 is not a plain decimal; write its decimal digits"),
        ("sips: 1_0", "topology.yaml:1:7 sips: 1_0 is not a plain decimal; write its decimal digits"),
        ("sips: .nan", "topology.yaml:1:7 sips: .nan is not a finite number; give one"),
        ("ns_per_mm: -.inf", "topology.yaml:1:12 ns_per_mm: -.inf is not a finite number; give one"),
        ("sips:", "topology.yaml:1:6 sips: an empty value is no value; give one or remove the key"),
        ("sips: ~", "topology.yaml:1:7 sips: ~ is no value; give one or remove the key"),
        ("sips: [4]", "topology.yaml:1:7 sips: expected a value or keys, got a list"),
        ("sips: !!int 4", ("topology.yaml:1:7 sips: tag tag:yaml.org,2002:int is not allowed; "
         "a value is a plain number or text")),
        ("sips: 4\n---\nsips: 5", "topology.yaml:2:1: a second document begins; a topology is one document"),
        ("fabric:\n\tbw_gbs: 5", "topology.yaml:2:1: a tab; YAML is indented with spaces only"),
        ("", "topology.yaml: is empty; write at least one key, such as `sips: 4`"),
        ("# nothing\n", "topology.yaml: is empty; write at least one key, such as `sips: 4`"),
        ("4", "topology.yaml:1:1: expected keys with values, got 4"),
        ("? [a]\n: 4", "topology.yaml:1:3: a key must be a plain word"),
        ("a.b: 4", "topology.yaml:1:1: 'a.b' is not a key; a key has letters, digits and _ only"),
        ("sip: [", "topology.yaml:1:6 sip: expected a value or keys, got a list"),
        ("sips: {", "topology.yaml:1:8: expected the node content, but found '<stream end>'"),
        ("sips: '4", "topology.yaml:1:9: found unexpected end of stream"),
        ("sipss: 4", "topology.yaml:1:1 sipss: unknown key; did you mean sips?"),
        ("fabric:\n  badwidth_gbs: 4", "topology.yaml:2:3 fabric.badwidth_gbs: unknown key; did you mean bw_gbs?"),
        (
            "sip: {pcie: {zzz: 4}}",
            "topology.yaml:1:14 sip.pcie.zzz: unknown key; known here: bw_gbs, latency_ns, credit_ns, buffer_bytes",
        ),
        ("sips: {a: 1}", "topology.yaml:1:7 sips: expected one value, got keys"),
        ("fabric: 5", "topology.yaml:1:9 fabric: expected keys with values, got 5"),
        ("host: 5", "topology.yaml:1:7 host: expected keys with values, got 5"),
        ("host: {call_ns: {a: 1}}", "topology.yaml:1:17 host.call_ns: expected one value, got keys"),
        ("host: {kind: '../x'}", ("topology.yaml:1:14 host.kind: expected a kind such as router or "
         "my_lab.npu:Systolic, got ../x")),
        ("fabric: {kind: rings}", "topology.yaml:1:16 fabric.kind: expected one of ring, full, switch, mesh2d, got rings"),
        ("sips: 0", "topology.yaml:1:7 sips: expected at least 1, got 0"),
        ("sips: 65", "topology.yaml:1:7 sips: expected at most 64, got 65"),
        ("sips: 2.5", "topology.yaml:1:7 sips: expected a whole number, got 2.5"),
        ("sips: true", "topology.yaml:1:7 sips: expected a whole number, got true"),
        ("sips: four", "topology.yaml:1:7 sips: expected a whole number, got four"),
        ("ns_per_mm: -1", "topology.yaml:1:12 ns_per_mm: expected at least 0, got -1"),
        ("ns_per_mm: fast", "topology.yaml:1:12 ns_per_mm: expected a number, got fast"),
        ("quantum_bytes: 16", "topology.yaml:1:16 quantum_bytes: expected at least 32, got 16"),
        ("fabric: {bw_gbs: 0}", "topology.yaml:1:18 fabric.bw_gbs: expected > 0, got 0"),
        ("fabric: {bw_gbs: 2000000GB/s}", "topology.yaml:1:18 fabric.bw_gbs: expected at most 1 PB/s, got 2000000GB/s"),
        ("fabric: {bw_gbs: 5ns}", "topology.yaml:1:18 fabric.bw_gbs: expected a bandwidth such as 50GB/s, got '5ns'"),
        ("fabric: {latency_ns: -1}", "topology.yaml:1:22 fabric.latency_ns: expected >= 0, got -1"),
        ("fabric: {latency_ns: 2s}", "topology.yaml:1:22 fabric.latency_ns: expected at most 1s, got 2s"),
        ("sip: {cube_mesh: 17x1}", "topology.yaml:1:18 sip.cube_mesh: expected 1x1 to 16x16, got 17x1"),
        ("sip: {cube_mesh: 4x0}", "topology.yaml:1:18 sip.cube_mesh: expected 1x1 to 16x16, got 4x0"),
        ("sip: {cube_mesh: 4}", "topology.yaml:1:18 sip.cube_mesh: expected columns x rows such as 4x4, got 4"),
        ("sip: {cube: {pes: 0}}", "topology.yaml:1:19 sip.cube.pes: expected at least 1, got 0"),
        ("sip: {ucie: {length_mm: -2}}", "topology.yaml:1:25 sip.ucie.length_mm: expected >= 0, got -2"),
        (
            "sip: {cube: {pe: {pe_gemm: {clock_ghz: 0}}}}",
            "topology.yaml:1:40 sip.cube.pe.pe_gemm.clock_ghz: expected > 0, got 0",
        ),
        (b"sips: \xff4", "topology.yaml: not a text file: byte 6 is not UTF-8"),
        (b"sips: 4\n\x00\x01", "topology.yaml: not a text file: character 0x00 is not allowed"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_line_that_names_place_key_value_and_remedy(refusal, text, first_line):
    assert refusal(text).splitlines()[0] == first_line


def test_deep_nesting_is_refused(refusal):
    text = "{a: " * 40 + "1" + "}" * 40
    assert refusal(text).splitlines()[0].endswith("nested deeper than 32 levels")


def test_a_huge_file_is_refused_before_it_is_parsed(refusal):
    assert refusal("#" * 2**20 + "\n") == "topology.yaml: is larger than 1 MiB; a topology has about a hundred keys"


def test_a_missing_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TopologyError, match=r"^none.yaml: cannot be read: No such file or directory; give the path"):
        load("none.yaml")


def test_a_directory_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TopologyError, match=r"^\.: cannot be read: Is a directory; give the path of a file$"):
        load(".")


def test_control_characters_of_a_file_never_reach_the_terminal(refusal):
    assert "\x1b" not in refusal('sips: "\\e[31m"')


def test_a_long_line_is_echoed_around_the_caret_only(refusal):
    lines = refusal("{" + " " * 5000 + "sipz: 4}").splitlines()
    assert (len(lines[1]) < 200, lines[1][lines[2].index("^")]) == (True, "s")


def test_the_packaged_copy_is_equal_to_the_file_at_the_root_byte_for_byte(request):
    root = request.config.rootpath
    assert (root / "topology.yaml").read_bytes() == (root / "kernbench/data/topology.yaml").read_bytes()


@settings(max_examples=settings().max_examples * 3 // 2)
@given(st.data())
def test_no_damage_to_a_file_escapes_as_another_error(tmp_path_factory, data):
    text = packaged_path().read_bytes()
    at = data.draw(st.integers(0, len(text)))
    junk = data.draw(st.one_of(st.binary(max_size=12), st.text(alphabet="{}[]:,-&*!|>'\"%@`#\n\t ~?x0", max_size=12)))
    junk = junk.encode() if isinstance(junk, str) else junk
    damaged = text[at : at + 200] + junk + text[at + 200 : at + 300]
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    path.write_bytes(damaged)
    with suppress(TopologyError):
        load(path)
