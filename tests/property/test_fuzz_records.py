"""Records of a run that were cut, changed or forged: read as far as they are whole, refused in one line, never believed."""

import tempfile
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
from io import StringIO
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.cli import execute
from kernbench.common.errors import ExitCode, UsageError
from kernbench.telemetry.reader import RunReader

SOME = settings(max_examples=settings().max_examples // 2)
DOCUMENTED = {ExitCode.OK, ExitCode.USAGE}


@cache
def recorded():
    """The files of a genuine run."""
    with tempfile.TemporaryDirectory() as folder:
        with redirect_stdout(StringIO()):
            line = ["run", "--sips", "2", "--workers", "1", "--set", "cube_mesh=1x1", "--size", "1KiB", "--out", folder]
            assert execute(line) == 0
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return {name: data for name, data in files.items() if not name.endswith(".csv") and name != "lock"}


@st.composite
def damage(draw):
    """What becomes of one file: (its number, deed, place, bytes)."""
    deed = draw(st.sampled_from(["flip", "cut", "insert", "replace", "remove", "folder", "text"]))
    return draw(st.integers(0, 99)), deed, draw(st.floats(0, 1)), draw(st.binary(max_size=30))


def spoil(data, deed, share, extra):
    at = int(share * max(0, len(data) - 1))
    if deed == "flip" and data:
        return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
    if deed == "cut":
        return data[:at]
    if deed == "insert":
        return data[:at] + extra + data[at:]
    if deed == "replace":
        return extra
    words = (b"-1", b"null", b"1e400", b'"x"', b"[[[", b"9" * 30, b"{}")
    digits = [place for place in range(at, len(data)) if data[place : place + 1].isdigit()]
    return data[: digits[0]] + words[len(extra) % len(words)] + data[digits[0] + 1 :] if digits else data


def read(directory):
    """Whatever readers read."""
    reader = RunReader(directory)
    for look in (
        lambda: [*reader.frames()],
        reader.poll,
        reader.operations,
        reader.kernels,
        reader.phases,
        reader.packets,
        reader.links,
        reader.utilisation,
        lambda: reader.document,
        lambda: reader.live,
        lambda: reader.dropped,
    ):
        with suppress(UsageError):
            look()


@SOME
@given(given_damage=st.lists(damage(), min_size=1, max_size=3))
@example(given_damage=[(0, "replace", 0.0, b"[" * 30)])
def test_damaged_records_are_read_or_refused(given_damage):
    with tempfile.TemporaryDirectory() as folder:
        files = dict(sorted(recorded().items()))
        for number, deed, share, extra in given_damage:
            name = [*files][number % len(files)]
            if deed == "remove" and len(files) > 1:
                del files[name]
            elif deed == "folder":
                Path(folder, name).mkdir(exist_ok=True)
                files[name] = b""
            else:
                files[name] = spoil(files[name], deed, share, extra)
        for name, data in files.items():
            if not Path(folder, name).is_dir():
                Path(folder, name).write_bytes(data)
        read(Path(folder))
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = execute(["report", folder, "--json"])
        assert code in DOCUMENTED, err.getvalue()
        assert "Traceback" not in err.getvalue()
