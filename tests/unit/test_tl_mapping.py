"""tl.map_elementwise against numpy: every element takes its own way, and what is uniform stays one operation."""

import numpy as np
import pytest

import kernbench.triton_emu.language as tl
from kernbench.common.errors import KernelError

N = 64


def mapped(rig, function, *arrays, kind=np.float32, outs=1, **options):
    """What `function` makes of blocks of N elements, and how many vector operations that took."""

    def kernel(a, b, out):
        at = tl.arange(0, N)
        blocks = [tl.load(pointer + at) for pointer in (a, b)[: len(arrays)]]
        made = tl.map_elementwise(function, *blocks, **options)
        for number, block in enumerate(made if isinstance(made, tuple) else (made,)):
            tl.store(out + number * N + at, block)

    device = rig()
    out = device.tensor(np.zeros(outs * N, kind))
    device.launch(kernel, 1, device.tensor(arrays[0]), device.tensor(arrays[-1]), out)
    return out.numpy().reshape(outs, N) if outs > 1 else out.numpy()


def selu(x):
    if x > 0:
        return x
    return 1.5 * (tl.exp(x) - 1)


def collatz(n):
    count = tl.full((), 0, tl.int32)
    while n != 1:
        n = tl.where(n % 2 == 0, n // 2, 3 * n + 1)
        count += 1
    return count


def nested(x):
    y = tl.map_elementwise(selu, x)
    return -y if y > 1 else y


def test_elements_that_branch_apart_each_get_their_own_outcome(rig):
    x = np.linspace(-2, 2, N, dtype=np.float32)
    np.testing.assert_allclose(mapped(rig, selu, x), np.where(x > 0, x, 1.5 * (np.exp(x) - 1)), rtol=1e-6)


def test_loops_of_different_length_and_loops_of_the_same(rig):
    def steps(n):
        return 0 if n == 1 else 1 + steps(n // 2 if n % 2 == 0 else 3 * n + 1)

    n = np.arange(1, N + 1, dtype=np.int32)
    assert mapped(rig, collatz, n, kind=np.int32).tolist() == [steps(each) for each in n.tolist()]
    alike = np.full(N, 27, np.int32)
    assert mapped(rig, collatz, alike, kind=np.int32).tolist() == [steps(27)] * N


def test_a_loop_up_to_an_element_runs_as_often_as_that_says(rig):
    def triangle(n):
        total = tl.full((), 0, tl.int32)
        for step in range(n):
            total += step
        return total

    def the_same(n):
        total = tl.full((), 0, tl.int32)
        for step in tl.range(0, n):
            total += step
        return total

    n = np.arange(N, dtype=np.int32) % 5
    assert mapped(rig, triangle, n, kind=np.int32).tolist() == (n * (n - 1) // 2).tolist()
    assert mapped(rig, the_same, n, kind=np.int32).tolist() == (n * (n - 1) // 2).tolist()


def test_pointers_are_elements_too(rig):
    def kernel(a, out):
        at = tl.arange(0, N)
        made = tl.map_elementwise(
            lambda p, q, x: tl.load(p) + q if x > 8 else x * 0, (a + N - 1 - at)[None, :], at[None, :], tl.load(a + at)
        )
        tl.store(out + at, made.reshape(N))

    x = np.arange(N, dtype=np.float32)
    device = rig()
    out = device.tensor(np.zeros(N, np.float32))
    device.launch(kernel, 1, device.tensor(x), out)
    np.testing.assert_array_equal(out.numpy(), np.where(x > 8, N - 1, 0))


@pytest.mark.parametrize(
    "act",
    [
        tl.store,
        tl.atomic_add,
        lambda p, _: tl.atomic_load(p),
        lambda _, x: tl.send(x, "E"),
        lambda *_: tl.recv((1,), tl.float32),
        lambda _, x: tl.device_print("x", x),
    ],
)
def test_what_would_be_done_again_for_each_way_is_refused(rig, act):
    def kernel(a):
        def acting(p, x):
            if x > 8:
                act(p, x)
            return x

        at = tl.arange(0, N)
        tl.map_elementwise(acting, a + at, tl.load(a + at))

    device = rig()
    with pytest.raises(KernelError, match=r"is not done inside tl\.map_elementwise"):
        device.launch(kernel, 1, device.tensor(np.arange(N, dtype=np.float32)))


def test_a_mapped_function_may_map_again(rig):
    x = np.linspace(-2, 2, N, dtype=np.float32)
    inner = np.where(x > 0, x, 1.5 * (np.exp(x) - 1))
    np.testing.assert_allclose(mapped(rig, nested, x), np.where(inner > 1, -inner, inner), rtol=1e-6)


def test_packed_elements_go_through_together_and_come_out_in_place(rig):
    def ordered(a, b, c, d):
        if a + b < c + d:
            return a, b, c + 1.0, d + 1.0
        return c, d, a, b

    x, y = np.random.default_rng(3).standard_normal((2, N), np.float32)
    first, second = mapped(rig, ordered, x, y, outs=2, pack=2)
    less = (x[0::2] + x[1::2] < y[0::2] + y[1::2]).repeat(2)
    np.testing.assert_allclose(first, np.where(less, x, y))
    np.testing.assert_allclose(second, np.where(less, y + 1, x))


def test_a_function_without_branches_costs_what_its_operations_cost(rig):
    def timed(body):
        def kernel(a, out):
            at = tl.arange(0, N)
            tl.store(out + at, body(tl.load(a + at)))

        device = rig()
        x, out = device.tensor(np.ones(N, np.float32)), device.tensor(np.zeros(N, np.float32))
        return device.launch(kernel, 1, x, out)

    assert timed(lambda x: tl.map_elementwise(lambda e: e * 2 + 1, x)) == timed(lambda x: x * 2 + 1)


def test_numbers_broadcast_and_constants_come_out(rig):
    def kernel(a, out):
        at = tl.arange(0, N)
        x = tl.load(a + at).reshape(8, 8)
        made = tl.map_elementwise(lambda e, limit: tl.full((), 7.0, tl.float32) if e > limit else e, x, 0.5)
        tl.store(out + at, made.reshape(N))

    x = np.linspace(0, 1, N, dtype=np.float32)
    device = rig()
    out = device.tensor(np.zeros(N, np.float32))
    device.launch(kernel, 1, device.tensor(x), out)
    np.testing.assert_array_equal(out.numpy(), np.where(x > 0.5, 7, x))


def test_what_does_not_fit_is_said(rig):
    x = np.linspace(-1, 1, N, dtype=np.float32)
    with pytest.raises(KernelError, match="pack is 3, which does not divide 64 elements"):
        mapped(rig, selu, x, pack=3)
    with pytest.raises(KernelError, match="returned 1 values for pack=2"):
        mapped(rig, lambda a, b: a + b, x, pack=2)
    with pytest.raises(KernelError, match="returned 2 values on one way and 1 on another"):
        mapped(rig, lambda e: (e, e) if e > 0 else e, x)
    with pytest.raises(KernelError, match="int32 on one way and float32 on another"):
        mapped(rig, lambda e: e.to(tl.int32) if e > 0 else e, x)


def test_outside_of_the_function_a_block_is_no_condition_again(rig):
    def branches(a, out):
        x = tl.load(a + tl.arange(0, N))
        tl.map_elementwise(selu, x)
        if x > 0:
            tl.store(out, 1)

    device = rig()
    x = device.tensor(np.linspace(-1, 1, N, dtype=np.float32))
    with pytest.raises(KernelError, match="not one value"):
        device.launch(branches, 1, x, x)
