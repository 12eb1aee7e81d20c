"""Lists of matrix products that were cut, changed or made of anything: shapes or one line with the place, soon."""

import tempfile
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.cli import execute
from kernbench.common.errors import ExitCode, UsageError
from kernbench.runtime_api.shapes import MOST, MOST_BYTES, read_shapes

SOME = settings(max_examples=settings().max_examples)
HEADER = "Layer,M,N,K,"
LONGEST = 300
"""Characters of an error, beside the name of the file."""
CELLS = st.one_of(
    st.sampled_from(
        ["1", "128", " 7 ", "0", "-1", "1e9", "9" * 30, str(MOST), str(MOST - 1), "٣", "nan", "inf", "0x10"]
    ),
    st.sampled_from(["", '"', '"a', '""', '"1\n2"', "\x1b[31m", "\0", "1.5", "L" * 200]),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x0b", "\u2028", ""])


@st.composite
def lists(draw):
    """A list with cells changed, lost or put in."""
    text = draw(st.sampled_from([HEADER] * 9 + ["Layer,M,K,N", "M,N,K", ""])) + draw(ENDS)
    for number in range(draw(st.integers(0, 4))):
        row = [f"L{number}", "16", "32", "8", ""]
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            row[draw(st.integers(0, 4))] = draw(CELLS)
        if draw(st.integers(0, 9)) == 0:
            del row[draw(st.integers(0, 4)) :]
        text += ",".join(row) + draw(ENDS)
    return text.encode()


@st.composite
def contents(draw):
    """The bytes of such a list, some of them damaged."""
    content = draw(lists())
    at, deed = draw(st.integers(0, len(content))), draw(st.sampled_from(["none"] * 4 + ["flip", "cut", "insert"]))
    extra = draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"9" * 5000, b"," * 5000, b'"' * 99, b"\xef\xbb\xbf"]))
    )
    if deed == "flip" and at < len(content):
        return content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
    return {"cut": content[:at], "insert": content[:at] + extra + content[at:]}.get(deed, content)


@SOME
@given(st.one_of(contents(), st.binary(max_size=60)))
@example(b"Layer,M,N,K,\nL0,16,32,8,\n")
@example(b"\xef\xbb\xbfLayer,M,N,K\r\nL0,16,32,8\r\n")
@example(b"Layer,M,N,K,\nL0,1,2," + b"9" * 5000)
@example(b"Layer,M,N,K,\n" + b"L" * 1_000_000 + b",1,2,3")
@example(b"L" * 1_000_000)
@example(b'Layer,M,N,K,\n"L\n0",1,2,x\n')
@example(b"Layer,M,N,K,\n" + b"," * 1_000_000)
@example(b"\0" * (MOST_BYTES + 1))
def test_whatever_the_list_is_it_is_shapes_or_one_line_with_its_place(content):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.csv"
        file.write_bytes(content)
        try:
            found = read_shapes(file)
        except UsageError as error:
            said = str(error)
            assert said.startswith(f"--shapes {file}:")
            assert len(said.splitlines()) == 1
            assert len(said) < len(str(file)) + LONGEST
            found = None
        else:
            assert all(1 <= extent < MOST for _, shape in found for extent in shape)
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = execute(["validate", "gemm", "--shapes", str(file)])
        assert code == (ExitCode.USAGE if found is None else ExitCode.OK), err.getvalue()
        assert "\x1b" not in out.getvalue() + err.getvalue()
        assert len(err.getvalue().splitlines()) == (1 if found is None else 0)


def test_the_lists_begin_with_one_that_is_read():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.csv"
        file.write_bytes(b'\xef\xbb\xbfLayer, M, N, K,\r\n"L,0",16,32,8,\r\n\r\nL1,1,2,3')
        assert read_shapes(file) == [("L,0", (16, 32, 8)), ("L1", (1, 2, 3))]
