"""Topologies and overrides that nobody meant: each is a machine or one error of ours, soon and in little memory."""

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.common.errors import UsageError
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load, packaged_path

SOME = settings(max_examples=settings().max_examples // 3)
LINES = packaged_path().read_text().splitlines()
KEYS = sorted(load(packaged_path()).effective())
SMALL = ("sip.cube_mesh=1x1", "sip.cube.noc.mesh=1x1", "sip.cube.pes=1")
NUMBERS = [
    "0",
    "-1",
    "1",
    "0.5",
    "1e9",
    "64",
    "65",
    "1" + "0" * 30,
    "0x10",
    "1_000",
    "10:30",
    "nan",
    ".inf",
    "1/3",
    "٣",
]
UNITS = ["8ns", "1fs", "-3ns", "1KiB", "9" * 400 + "KiB", "4GiB", "3 GB/s", "ns"]
WORDS = ["1x1", "4x4", "99999x99999", "0x4", "x", "ring", "switch", "hbm_ctrl", "os:system", "builtins:eval", "on", "~"]
MARKS = ["{}", "[]", "[1, 2]", "&a 1", "*a", "<<: *a", "!!python/object:os.system x", '"\\u0000"', "'", "\t", "#"]
scalars = st.one_of(st.sampled_from(NUMBERS + UNITS + WORDS + MARKS), st.text(max_size=12))


@st.composite
def files(draw):
    """The packaged file with lines changed, moved, doubled or lost."""
    lines = [*LINES]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        key, colon, _ = lines[at].partition(":")
        lines[at : at + 1] = draw(
            st.sampled_from(
                [[f"{key}{colon} {draw(scalars)}"], [], [lines[at]] * 2, [f" {lines[at]}"], [draw(scalars)]]
            )
        )
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def build(content, overrides=()):
    """Load and compile; an error of ours is fine, anything else is not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topology.yaml"
        path.write_bytes(content)
        words = "a machine"
        try:
            compile_topology(load(path, overrides))
        except UsageError as error:
            words = str(error)
        assert (0 < len(words) < 3000, "Traceback" in words) == (True, False)


@SOME
@given(files())
@example(b"a: " + b"[" * 100_000)
@example(b"a: " + b"{a: " * 50_000)
@example(b"a: &a [1]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c, *c]\n")
@example(b"sip: {cube_mesh: 64x64, cube: {noc: {mesh: 64x64}}}\n")
@example(b"? [a, b]\n: c\n")
@example(b"\xff\xfe\x00")
@example(b"%YAML 9.9\n---\nsips: 2\n--- \nsips: 3\n")
def test_a_damaged_file_is_a_machine_or_an_error_of_ours(content):
    build(content, SMALL)


@SOME
@given(st.binary(max_size=200))
def test_any_bytes_are_a_machine_or_an_error_of_ours(content):
    build(content, SMALL)


def overriding():
    """`key=value`, mostly of a key that is there, or of the end of one."""
    known = st.sampled_from(KEYS)
    ends = known.map(lambda key: key.rpartition(".")[2])
    free = st.text(max_size=20)
    return st.builds(lambda key, text: f"{key}={text}", st.one_of(known, known, ends, free), scalars) | free


@SOME
@given(st.lists(overriding(), min_size=1, max_size=3))
@example(["sip.cube_mesh=64x64", "sip.cube.noc.mesh=64x64"])
@example(["sips=64", "sip.cube_mesh=1x1"])
def test_any_overrides_are_a_machine_or_an_error_of_ours(overrides):
    meshes = () if any("mesh" in each or "pes" in each for each in overrides) else SMALL
    build(b"sips: 2\n", (*meshes, *overrides))
