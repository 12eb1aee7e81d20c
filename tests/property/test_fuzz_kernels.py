"""Kernels drawn from the language: each gives what numpy gives, or ends in one error of ours that names its line."""

import json
from contextlib import suppress
from functools import cache
from importlib import util
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.simulation import Simulation
from kernbench.common.errors import DeadlockError, KernelError, LimitError
from kernbench.runtime_api.bench import BenchRef

FILE = Path(__file__).with_name("wild_kernels.py")
SPEC = util.spec_from_file_location("wild_kernels_of_the_fuzz", FILE)
kernels = util.module_from_spec(SPEC)
SPEC.loader.exec_module(kernels)
SIZE, STEPS, WILD = kernels.SIZE, kernels.STEPS, kernels.WILD
SOME = settings(max_examples=settings().max_examples // 2)
MOST_EVENTS = 50_000

NUMPY = {
    **STEPS,
    "least": lambda _l, a, b, _n, _w: (np.minimum(a, b), b),
    "most": lambda _l, a, b, _n, _w: (np.maximum(a, b), a),
    "choose": lambda _l, a, b, _n, w: (np.where(w < 7, a, b), b),
    "lower": lambda _l, a, b, _n, _w: (np.where(a < b, b, a), a),
    "sum": lambda _l, a, b, _n, _w: (a ^ b.sum(dtype=np.int32), b),
    "max": lambda _l, a, b, _n, _w: (a ^ b.max(), b),
    "scan": lambda _l, a, b, _n, _w: (np.cumsum(a, dtype=np.int32), b),
    "more": lambda _l, a, b, n, _w: (a + np.int32(n), b),
    "shift": lambda _l, a, b, n, _w: (a >> np.int32(n % 31), b),
}


@cache
def machine():
    """One small SIP, compiled once."""
    return Simulation(sips=1, overrides=("sip.cube_mesh=1x1", "sip.cube.pes=1"), max_events=MOST_EVENTS)


def run(function, **arguments):
    return machine().run(BenchRef(str(FILE), function), timeout_s=10, **arguments)


def plans(steps):
    return st.lists(st.tuples(st.sampled_from(sorted(steps)), st.integers(-(2**31), 2**31 - 1)), max_size=8)


@SOME
@given(plans(STEPS), st.integers(0, 3))
def test_integer_kernels_give_numpys_bits(plan, seed):
    result = run("compute", plan=json.dumps(plan), seed=seed)
    data = kernels.numbers(seed)
    a, b = data[:SIZE], data[SIZE:]
    with np.errstate(over="ignore"):
        for name, number in plan:
            a, b = NUMPY[name](np, a, b, number, np.arange(SIZE))
    assert result.rows[0].columns["found"] == [int(value) for value in a]


WORSE = st.sampled_from([-1, 0, 1, 2, 3, 4, 16, 31, 32, 33, 64, 1 << 20, 1 << 40, -(1 << 40)])


@SOME
@given(st.lists(st.tuples(st.sampled_from(sorted(WILD)), WORSE), min_size=1, max_size=5))
@example([("zeros", 1 << 40)])
@example([("zeros2", 1 << 20)])
@example([("arange", 1 << 40)])
@example([("broadcast", 1 << 40)])
@example([("expand", 0), ("expand", 0)])
def test_wild_kernels_run_or_end_in_an_error_of_ours(plan):
    with suppress(KernelError, DeadlockError, LimitError):
        assert run("stray", plan=json.dumps(plan)).stopped in ("", "max-events")
