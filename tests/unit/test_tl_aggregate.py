"""Aggregates: structs of a kernel with methods that are kernels, made once and never changed."""

import numpy as np
import pytest

import kernbench.triton_emu.language as tl
from kernbench.common.errors import KernelError
from kernbench.triton_emu.aggregate import aggregate
from kernbench.triton_emu.jit import jit

N = 16


@aggregate
class Total:
    so_far: tl.tensor
    scale: tl.constexpr = 2

    @jit
    def plus(self, x):
        return tl.aggregate_replace(self, so_far=self.so_far + x * self.scale)


@aggregate
class Shifted(Total):
    by: tl.tensor

    @jit
    def end(self):
        return self.so_far + self.by


@aggregate
class Checked:
    low: tl.tensor
    high: tl.tensor

    def __init__(self, low, width):
        self.low = low
        self.high = low + width
        assert self.high is not self.low


def launched(rig, body):
    def kernel(x_ptr, out_ptr):
        at = tl.arange(0, N)
        tl.store(out_ptr + at, body(tl.load(x_ptr + at)))

    device = rig()
    x = np.arange(N, dtype=np.float32)
    out = device.tensor(np.zeros(N, np.float32))
    device.launch(kernel, 1, device.tensor(x), out)
    return x, out.numpy()


def test_methods_return_changed_copies_and_fields_have_defaults(rig):
    def body(x):
        total = Total(tl.zeros([N], tl.float32))
        for _ in range(3):
            total = total.plus(x)
        return total.so_far

    x, out = launched(rig, body)
    np.testing.assert_array_equal(out, 6 * x)


def test_an_aggregate_inherits_fields_and_methods(rig):
    x, out = launched(rig, lambda x: Shifted(x, 5, by=x + 1).plus(x).end())
    np.testing.assert_array_equal(out, x + 5 * x + x + 1)


def test_an_initialiser_of_its_own(rig):
    def body(x):
        made = Checked(x, 3)
        return made.high - made.low

    _, out = launched(rig, body)
    np.testing.assert_array_equal(out, np.full(N, 3, np.float32))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda x: Total(x, 1, 2), r"Total\(...\) takes 2 values, got 3"),
        (lambda x: Total(), r"Total\(...\) did not set so_far"),
        (lambda x: Total(x, so_far=x), "got so_far twice"),
        (lambda x: Total(x, scales=1), "Total has no field 'scales'; it has so_far, scale"),
        (lambda x: Total(3), r"Total\.so_far is a tensor, got 3"),
        (lambda x: Total(x, tl.max(x, 0)), r"Total\.scale is a constexpr, got <"),
        (lambda x: Total(x, tl.program_id(0)), r"Total\.scale is a constexpr, got 0"),
        (lambda x: tl.aggregate_replace(x, so_far=x), "takes an aggregate"),
        (lambda x: tl.aggregate_replace(Total(x), other=x), "Total has no field 'other'"),
        (lambda x: setattr(Total(x), "so_far", x), "so_far is not set again"),
    ],
)
def test_mistakes_are_said(rig, body, said):
    with pytest.raises(KernelError, match=said):
        launched(rig, body)


def test_only_aggregates_are_inherited():
    class Plain:
        pass

    with pytest.raises(TypeError, match="Plain is none"):

        @aggregate
        class Wrong(Plain):
            x: tl.tensor


def test_deferred_annotations_are_looked_up_where_the_class_stands():
    names = {"tl": tl, "aggregate": aggregate, "__name__": "__main__"}
    exec(  # a user's file is no module that the interpreter knows
        "from __future__ import annotations\n"
        "@aggregate\nclass Inner:\n    x: tl.constexpr\n"
        "@aggregate\nclass Outer(Inner):\n    inner: Inner\n",
        names,
    )
    inner = names["Inner"](1)
    assert names["Outer"](2, inner).inner is inner
    with pytest.raises(TypeError, match="inner is a Inner, got 3"):
        names["Outer"](2, 3)
