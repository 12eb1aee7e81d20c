"""What a kernel does wrong is one line at the user's source line, from `kernbench run file.py`."""

import re
from typing import NamedTuple

import pytest

from kernbench.cli import execute
from kernbench.triton_emu import program

HEAD = """
import torch
import triton
import triton.language as tl

x, y = torch.ones(1000), torch.zeros(1000)
flag = torch.zeros(1, dtype=torch.int32)

@triton.jit
def k(x_ptr, y_ptr, flag_ptr, N: tl.constexpr):
"""


class Wrong(NamedTuple):
    """A kernel's body, its wrong line marked; how many programs run it; what is said."""

    body: str
    programs: int
    message: str


BLOCK = "i = tl.program_id(0) * N + tl.arange(0, N)\n"
SPIN = "the kernel accessed the 4 bytes at ADDRESS 40 times on end and nothing else: a spin without end? Programs of one PE run one after another, so the one that would end it may not have begun; use no more programs than PEs"
WRONG = {
    "a load without its mask": Wrong(
        BLOCK + "v = tl.load(x_ptr + i)  # here",
        4,
        "program 3 of k: x_ptr[1023] is outside the tensor: it has 1000 elements of float32; mask the access",
    ),
    "a store without its mask": Wrong(
        BLOCK + "v = tl.load(x_ptr + i, mask=i < 1000)\ntl.store(y_ptr + i, v)  # here",
        4,
        "program 3 of k: y_ptr[1023] is outside the tensor: it has 1000 elements of float32; mask the access",
    ),
    "a load before its tensor": Wrong(
        "v = tl.load(x_ptr + tl.arange(0, N) - 5)  # here",
        1,
        "program 0 of k: x_ptr[-5] is outside the tensor: it has 1000 elements of float32; mask the access",
    ),
    "blocks that fill the TCM": Wrong(
        "a = tl.zeros((512, 512), tl.float32)\nb = tl.zeros((256,), tl.float32)  # here\ntl.store(y_ptr + tl.arange(0, N), b)\nc = a",
        1,
        "program 0 of k: TCM overflow: a block of 1KiB does not fit beside the live ones (1MiB at FILE:11) in the 1MiB that sip0.cube00.pe0.tcm has for blocks; use smaller blocks, drop blocks earlier or raise capacity_bytes",
    ),
    "a dot of two types": Wrong(
        "a = tl.zeros((16, 16), tl.float32)\nc = tl.dot(a, a.to(tl.float16))  # here",
        1,
        "program 0 of k: TypeError: tl.dot: <float32 block [16, 16]> and <float16 block [16, 16]> do not multiply; same type, inner extents equal",
    ),
    "a dot of wide integers": Wrong(
        "a = tl.zeros((16, 16), tl.int32)\nc = tl.dot(a, a)  # here",
        1,
        "program 0 of k: TypeError: tl.dot: <int32 block [16, 16]> does not multiply; integers have 8 bits, or use .to(tl.float32)",
    ),
    "a dot of shapes that do not multiply": Wrong(
        "a = tl.zeros((16, 32), tl.float32)\nc = tl.dot(a, a)  # here",
        1,
        "program 0 of k: TypeError: tl.dot: <float32 block [16, 32]> and <float32 block [16, 32]> do not multiply; same type, inner extents equal",
    ),
    "a sum of shapes that do not match": Wrong(
        "a = tl.zeros((16,), tl.float32)\nb = a + tl.zeros((32,), tl.float32)  # here",
        1,
        "program 0 of k: ValueError: blocks of shapes [16] and [32] do not broadcast together",
    ),
    "a range that is no power of two": Wrong(
        "i = tl.arange(0, N - 6)  # here",
        1,
        "program 0 of k: ValueError: tl.arange(0, 250) has 250 elements, which is no power of two; use 256 and a mask",
    ),
    "a wait for what nobody writes": Wrong(
        "while tl.load(flag_ptr) == 0:  # here\n    pass", 1, f"program 0 of k: {SPIN}"
    ),
    "a lock that nobody gives back": Wrong(
        "while tl.atomic_cas(flag_ptr, 0, 1) == 1:  # here\n    pass", 2, f"program 1 of k: {SPIN}"
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_kernel_is_stopped_at_its_line_in_one_line(what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(program, "SPIN_LIMIT", 40)
    wrong = WRONG[what]
    body = "".join(f"    {line}\n" for line in wrong.body.splitlines())
    text = f"{HEAD}{body}\nk[({wrong.programs},)](x, y, flag, N=256)\n"
    (tmp_path / "kernels.py").write_text(text)
    line = 1 + text[: text.index("# here")].count("\n")
    code = execute(["run", "kernels.py", "--set", "cube_mesh=1x1", "--no-record"])
    said = capsys.readouterr().err.replace(str(tmp_path / "kernels.py"), "FILE")
    said = re.sub("at 0x[0-9a-f]+", "at ADDRESS", re.sub(r"at [0-9.]+ us of", "at T of", said))
    assert said == f"kernbench: error: {wrong.message}; FILE:{line} at T of simulated time\n"
    assert code == 3
