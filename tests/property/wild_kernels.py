"""Kernels that do what a plan in JSON says, and the benches that run one."""

import json

import numpy as np

import kernbench.triton_emu.language as tl
from kernbench.triton_emu.jit import jit

SIZE = 32


@jit
def interprets(out_ptr, x_ptr, plan: tl.constexpr, SIZE: tl.constexpr):
    """Do to a stack of two blocks what the plan says, then store the upper one."""
    where = tl.arange(0, SIZE)
    a, b = tl.load(x_ptr + where), tl.load(x_ptr + SIZE + where)
    for name, number in json.loads(plan):
        a, b = STEPS[name](tl, a, b, number, where)
    tl.store(out_ptr + where, a.to(tl.int32))


@jit
def strays(out_ptr, x_ptr, plan: tl.constexpr, SIZE: tl.constexpr):
    """Use whatever a plan says as it is: sizes, offsets, axes and shapes that may make no sense."""
    block = tl.load(x_ptr + tl.arange(0, SIZE))
    for name, number in json.loads(plan):
        block = WILD[name](tl, block, number, x_ptr, out_ptr)
    tl.store(out_ptr + tl.arange(0, SIZE), block.to(tl.int32))


STEPS = {
    "add": lambda _l, a, b, _n, _w: (a + b, b),
    "sub": lambda _l, a, b, _n, _w: (b - a, a),
    "mul": lambda _l, a, b, _n, _w: (a * b, b),
    "and": lambda _l, a, b, _n, _w: (a & b, b),
    "xor": lambda _l, a, b, _n, _w: (a ^ b, a),
    "more": lambda _l, a, b, n, _w: (a + n, b),
    "shift": lambda _l, a, b, n, _w: (a >> (n % 31), b),
    "least": lambda lang, a, b, _n, _w: (lang.minimum(a, b), b),
    "most": lambda lang, a, b, _n, _w: (lang.maximum(a, b), a),
    "choose": lambda lang, a, b, _n, w: (lang.where(w < 7, a, b), b),
    "lower": lambda lang, a, b, _n, _w: (lang.where(a < b, b, a), a),
    "sum": lambda lang, a, b, _n, _w: (a ^ lang.sum(b, 0), b),
    "max": lambda lang, a, b, _n, _w: (a ^ lang.max(b, 0), b),
    "scan": lambda lang, a, b, _n, _w: (lang.cumsum(a, 0), b),
    "neg": lambda _l, a, b, _n, _w: (-a, b),
}

WILD = {
    "arange": lambda lang, _b, n, _x, _o: lang.arange(0, n),
    "zeros": lambda lang, _b, n, _x, _o: lang.zeros((n,), lang.int32),
    "zeros2": lambda lang, _b, n, _x, _o: lang.zeros((n, n), lang.int32),
    "load": lambda lang, b, n, x, _o: b + lang.load(x + n + lang.arange(0, 32)),
    "store": lambda lang, b, n, _x, o: (lang.store(o + n + lang.arange(0, 32), b), b)[1],
    "reshape": lambda _l, b, n, _x, _o: b.reshape((n, 32 // n)),
    "axis": lambda lang, b, n, _x, _o: lang.sum(b, n) + b,
    "expand": lambda _l, b, _n, _x, _o: b[:, None] + b[None, :],
    "dot": lambda lang, b, n, _x, _o: lang.dot(b, lang.zeros((32, n), lang.int32)),
    "broadcast": lambda lang, b, n, _x, _o: lang.broadcast_to(b, (n, 32)),
    "div": lambda _l, b, n, _x, _o: b // (b - n),
    "py": lambda _l, b, n, _x, _o: b[n],
    "assert": lambda lang, b, n, _x, _o: (lang.static_assert(n < 40), b)[1],
    "recv": lambda lang, b, _n, _x, _o: b + lang.recv((32,), lang.int32, from_="world.0.0>1"),
    "bool": lambda _l, b, _n, _x, _o: b if b > 0 else -b,
    "cast": lambda lang, b, n, _x, _o: b.to((lang.int8, lang.float16, lang.int64, lang.float32)[n % 4]),
}


def compute(torch, *, plan: str = "[]", seed: int = 0):
    """Run one plan on the device and say what came of it."""
    out, x = torch.empty(SIZE, dtype=torch.int32), torch.from_numpy(numbers(seed))
    interprets[(1,)](out, x, plan, SIZE)
    return torch.Row({"found": [int(value) for value in out.numpy()]}, 0, 0)


def stray(torch, *, plan: str = "[]"):
    """Run one wild plan."""
    out, x = torch.empty(SIZE, dtype=torch.int32), torch.from_numpy(numbers(0))
    strays[(1,)](out, x, plan, SIZE)


def numbers(seed):
    return np.random.default_rng(seed).integers(-(2**31), 2**31, 2 * SIZE, np.int32)
