"""Launching: what a host program writes, what the launcher gets, and which PE runs which program."""

import numpy as np
import pytest

from kernbench.common.errors import KernelError, UsageError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu.dtype import (
    bfloat16,
    by_numpy,
    float16,
    float32,
    int1,
    int8,
    int16,
    int32,
    int64,
    of_scalar,
    promote,
)
from kernbench.triton_emu.jit import jit, set_launcher


@jit
def double(x):
    """Twice `x`."""
    return x * 2


@jit
def scale(x, out, n: tl.constexpr = 8):
    """Nested calls are calls."""
    i = tl.arange(0, n)
    tl.store(out + i, double(tl.load(x + i)))


def test_a_launch_reaches_the_launcher_of_the_rank_with_its_grid_and_arguments():
    seen = []
    before = set_launcher(seen.append)
    try:
        scale[lambda meta: (meta["n"], 2)](1, 2, n=4, num_warps=8)
    finally:
        set_launcher(before)
    (launch,) = seen
    assert (launch.name, launch.grid, launch.arguments) == ("scale", (4, 2, 1), {"x": 1, "out": 2, "n": 4})


def test_a_launch_without_a_rank_is_refused():
    with pytest.raises(UsageError, match="scale: a kernel is launched by a rank's program"):
        scale[1](1, 2)


def test_a_kernel_called_like_a_function_by_the_host_is_refused():
    with pytest.raises(UsageError, match=r"launch it as scale\[grid\]"):
        scale(1, 2)


def test_a_missing_argument_names_the_kernel_and_its_parameters():
    @jit
    def kernel(x: "float32", out, *rest, BLOCK: tl.constexpr = 8, **meta):
        pass

    with pytest.raises(UsageError, match=r"scale: missing a required argument: 'out'; its parameters are \(x, out"):
        scale.launch(1, 1)
    with pytest.raises(UsageError, match=r"'out'; its parameters are \(x, out, \*rest, BLOCK=8, \*\*meta\)$"):
        kernel.launch(1, 1)


@pytest.mark.parametrize("grid", [-1, (1, 2, 3, 4), (2.0,), ()])
def test_a_grid_that_is_none_is_refused(grid):
    with pytest.raises(UsageError, match="a grid is 1 to 3 integers"):
        scale.launch(grid, 1, 2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([2], "scale: out is a list, no argument of a kernel; give it a tuple"),
        ({"a": 2}, "scale: out is a dict, no argument of a kernel; give it a tuple, or one argument for each item"),
        (np.zeros(2), r"scale: out is a ndarray, no argument of a kernel; give it a tensor: torch\.from_numpy"),
    ],
)
def test_what_no_kernel_takes_is_refused_unless_it_is_a_constant(value, message):
    with pytest.raises(UsageError, match=message):
        scale.launch(1, 1, value)
    assert scale.launch(1, 1, (2,), n=value).arguments["n"] is value


def test_a_kernel_may_call_another(rig):
    device = rig()
    out = device.tensor(np.zeros(8, np.int32))
    device.launch(scale, 1, device.tensor(np.arange(8, dtype=np.int32)), out)
    assert out.numpy().tolist() == list(range(0, 16, 2))


def test_an_error_in_a_called_kernel_is_at_the_innermost_line_of_the_user(rig):
    @jit
    def outer():
        double("text" + 1)

    with pytest.raises(KernelError, match="program 0 of outer: TypeError: can only concatenate str") as caught:
        rig().launch(outer, 1)
    assert caught.value.where == f"{__file__}:{outer.fn.__code__.co_firstlineno + 2}"


def test_programs_go_round_robin_over_the_pes_with_axis_0_fastest():
    launch = scale.launch((3, 2), 1, 2)
    assert [[program.pid for program in launch.programs(pe, 4)] for pe in range(4)] == [
        [(0, 0, 0), (1, 1, 0)],
        [(1, 0, 0), (2, 1, 0)],
        [(2, 0, 0)],
        [(0, 1, 0)],
    ]


@pytest.mark.parametrize(
    ("left", "right", "dividing", "expected"),
    [
        (float16, float32, False, float32),
        (float16, bfloat16, False, float16),
        (bfloat16, bfloat16, False, bfloat16),
        (bfloat16, int32, False, float32),
        (float16, float16, True, float32),
        (int8, int32, False, int32),
        (int64, int32, False, int64),
        (int1, int8, False, int8),
        (float16, 3, False, float16),
        (float16, 3, True, float32),
        (float16, 2.5, False, float16),
        (int32, 2.5, False, float32),
        (int16, 100_000, False, int16),
    ],
)
def test_types_mix_as_in_triton(left, right, dividing, expected):
    scalar = isinstance(right, int | float)
    other = of_scalar(right) if scalar else right
    assert promote(left, other, left_scalar=False, right_scalar=scalar, dividing=dividing) is expected
    assert promote(other, left, left_scalar=scalar, right_scalar=False, dividing=dividing) is expected


def test_a_numpy_type_that_the_device_lacks_is_refused_with_those_it_has():
    with pytest.raises(TypeError, match="no element type for numpy's complex64; there are int1, int8"):
        by_numpy(np.complex64)


def test_numbers_of_a_loop_are_0_d_tensors(rig):
    seen = []

    @jit
    def kernel(out, n, BLOCK: tl.constexpr):
        for i in range(n):
            seen.append((int(i), i.dtype.name, (i.to(tl.int64) << 33).dtype.name))
        for k in range(BLOCK, 0, -2):
            seen.append((int(k), k.dtype.name))
        half = -1
        for i in range(-1, 0):
            half = i // 2  # toward zero, as on the device
        seen.append(half)
        wide = tl.cast(n, tl.int64)
        seen.append(next(iter(range(wide))).dtype.name)
        seen.append([(1, 2)[i] for i in range(2)])
        twice = range(3)
        seen.append(
            [int(i) for _ in range(2) for i in twice] + [int(i) for i in reversed(twice)] + [len(twice), int(twice[-1])]
        )

    device = rig()
    device.launch(kernel, 1, device.tensor(np.zeros(4, np.float32)), 2, 5)
    assert seen == [
        (0, "int32", "int64"), (1, "int32", "int64"), (5, "int32"), (3, "int32"), (1, "int32"), 0, "int64", [1, 2],
        [0, 1, 2, 0, 1, 2, 2, 1, 0, 3, 2],
    ]  # fmt: skip


def test_outside_its_kernels_a_file_has_python_s_own_range():
    assert range(3)[::-1] == range(2, -1, -1)
    assert double.fn.__globals__ is globals()
    assert globals()["__builtins__"] is double.__init__.__globals__["__builtins__"]
