"""Workload files that were cut, changed or made of anything: tasks or one error of ours, soon and in little memory."""

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.common.errors import UsageError
from kernbench.runtime_api.workload.astra_text import FIELDS, POLICIES, TYPES, read_text
from kernbench.runtime_api.workload.astra_text_tasks import tasks_of
from kernbench.runtime_api.workload.chakra_tasks import read_chakra

SOME = settings(max_examples=settings().max_examples * 2)


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def sized(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(name, value):
    return sized(10, sized(1, name.encode()) + value)


NAMES = ["comm_type", "comm_size", "comm_src", "comm_dst", "comm_tag", "num_ops", "tensor_size", "is_cpu_op", "pg_name"]
NUMBERS = st.one_of(st.integers(0, 9), st.sampled_from([2**31, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1))
VALUES = st.one_of(
    st.builds(
        lambda kind, value: varint(kind << 3) + varint(value), st.sampled_from([7, 9, 11, 13, 15, 17, 27]), NUMBERS
    ),
    st.builds(lambda text: sized(29, text.encode()), st.text(max_size=5)),
    st.builds(lambda flags: sized(28, sized(1, bytes(flags))), st.lists(st.integers(0, 1), max_size=4)),
    st.builds(lambda bits: varint(3 << 3 | 1) + bits, st.binary(min_size=8, max_size=8)),
    st.builds(lambda bits: varint(5 << 3 | 5) + bits, st.binary(min_size=4, max_size=4)),
)
ATTRIBUTES = st.lists(st.builds(attribute, st.sampled_from([*NAMES, "involved_dim"]), VALUES), max_size=5)


@st.composite
def nodes(draw, place):
    """A node as a writer could have made it, mostly of its place in the file and behind earlier ones."""
    number = draw(st.sampled_from([place] * 9 + [0]))
    after = draw(st.lists(st.integers(0, max(0, place - 1)), max_size=2)) if place else []
    after += draw(st.sampled_from([[]] * 9 + [[place], [7]]))
    kind, duration = draw(st.integers(0, 12)), draw(st.one_of(st.integers(0, 9), NUMBERS))
    own = b"".join(varint(key << 3) + varint(value) for key, value in [(1, number), (3, kind), (7, duration)])
    return own + b"".join(varint(5 << 3) + varint(each) for each in after) + b"".join(draw(ATTRIBUTES))


@st.composite
def damaged(draw, content):
    """The bytes with some flipped, cut, doubled or put in."""
    at = draw(st.integers(0, len(content)))
    deed = draw(st.sampled_from(["none", "flip", "cut", "insert", "double"]))
    extra = draw(st.one_of(st.binary(max_size=12), st.sampled_from([b"\xff" * 12, varint(2**31), varint(2**63)])))
    if deed == "flip" and at < len(content):
        return content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
    return {"cut": content[:at], "insert": content[:at] + extra + content[at:], "double": content + content[at:]}.get(
        deed, content
    )


@st.composite
def traces(draw):
    """A stream of nodes; every second one is then damaged."""
    listed = [sized(1, b"0.0.4"), *(draw(nodes(place)) for place in range(draw(st.integers(0, 5))))]
    content = b"".join(varint(len(each)) + each for each in listed)
    return draw(damaged(content)) if draw(st.booleans()) else content


def outcome(read, where):
    """The tasks of every rank; none where the reader refuses in an error that names the place."""
    try:
        workload = read()
    except UsageError as error:
        if where not in str(error):
            raise
        return []
    return [task for tasks in workload.ranks for task in enumerate(tasks)]


@SOME
@given(st.lists(st.one_of(traces(), st.binary(max_size=60)), min_size=1, max_size=2))
@example([b"\x00" * 60])
@example([b"\x02\x0a\x00" + b"\x7f" * 100])
@example([b"\x07\x0a\x050.0.4" + varint(2**31) + b"\x08"])
@example([b"\x07\x0a\x050.0.4" + varint(3000) + sized(10, b"") * 1500])
@example([b"\x07\x0a\x050.0.4" + b"\x06" + b"\x52\x04\x52\x02\x52\x00"])
def test_whatever_the_bytes_are_they_are_tasks_or_one_error_with_its_place(files):
    with tempfile.TemporaryDirectory() as folder:
        for rank, content in enumerate(files):
            (Path(folder) / f"t.{rank}.et").write_bytes(content)
        prefix = str(Path(folder) / "t")
        found = outcome(lambda: read_chakra(prefix), prefix)
    assert all(place < number for number, task in found for place in task.after)


WORDS = st.one_of(
    st.sampled_from(["-1", "0", "1", "4096", "9" * 30, "1e9", "0x10", "٣", "nan", ":", "checkpoints:", "NONE"]),
    st.sampled_from([*TYPES]),
    st.text(st.characters(codec="utf-8"), max_size=6),
)
WILD = st.lists(
    st.sampled_from(["model_parallel_NPU_group:", "checkpoints:", "checkpoint_initiates:", "1", "2"]), max_size=6
)
HEADERS = st.builds(
    lambda policy, words: " ".join([policy, *words]),
    st.sampled_from(POLICIES),
    st.one_of(
        st.just([]),
        st.sampled_from(["model_parallel_NPU_group: 2 checkpoints: 1 0 checkpoint_initiates: 1 0"]).map(str.split),
        WILD,
    ),
)
GOOD = ["layer", "-1", "3", "ALLREDUCE", "4096", "2", "ALLGATHER", "512", "1", "BROADCAST", "64", "1"]


@st.composite
def texts(draw):
    """A workload with words changed, lost or put in."""
    layers = [[*GOOD] for _ in range(draw(st.sampled_from([1, 2, 3, 0])))]
    for layer in layers:
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            layer[draw(st.integers(0, len(FIELDS) - 1))] = draw(WORDS)
        if draw(st.integers(0, 9)) == 0:
            del layer[draw(st.integers(0, len(layer) - 1))]
    count = draw(st.sampled_from([str(len(layers))] * 9 + ["x"]))
    lines = [draw(HEADERS), count, *("\t".join(layer) for layer in layers)]
    content = "\n".join(lines).encode()
    return draw(damaged(content)) if draw(st.booleans()) else content


@SOME
@given(st.one_of(texts(), st.binary(max_size=60)), st.integers(1, 4))
@example(b"MODEL checkpoints: " + b"9" * 5000 + b"\n1\n", 2)
@example(b"MODEL checkpoints: 999999 1\n1\n" + " ".join(GOOD).encode(), 2)
def test_whatever_the_text_is_it_is_tasks_or_one_error_with_its_line(content, ranks):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "w.txt"
        file.write_bytes(content)
        found = outcome(lambda: tasks_of(read_text(str(file)), ranks, "us", "", "total", overlap=True), str(file))
    assert all(place < number for number, task in found for place in task.after)
