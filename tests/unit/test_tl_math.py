"""Element-wise functions, libdevice, `where`, against numpy and Python's math; NaN and infinity included."""

import math

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu import libdevice

COUNT = 256


def spread(low, high, kind=np.float32, specials=True):
    rng = np.random.default_rng(int(abs(low) + high))
    x = rng.uniform(low, high, COUNT)
    if specials:
        x[:8] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-30]
    return x.astype(kind)


def computed(rig, function, *arrays, kind=None):
    def kernel(x, y, z, out):
        i = tl.arange(0, COUNT)
        tl.store(out + i, function(*[tl.load(p + i) for p in (x, y, z)][: len(arrays)]))

    device = rig()
    out = device.tensor(np.zeros(COUNT, arrays[0].dtype if kind is None else kind))
    tensors = [device.tensor(array) for array in (*arrays, arrays[0], arrays[0])[:3]]
    device.launch(kernel, 1, *tensors, out)
    return out.numpy()


def by_element(function):
    def safe(*values):
        if any(math.isnan(value) for value in values):
            return math.nan
        try:
            return function(*values)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return lambda *arrays: np.array([safe(*map(float, row)) for row in zip(*arrays, strict=True)])


WIDE = (-20.0, 20.0)
REFERENCES = {
    "abs": (np.abs, WIDE), "ceil": (np.ceil, WIDE), "floor": (np.floor, WIDE), "exp": (np.exp, WIDE), "exp2": (np.exp2, WIDE),
    "log": (np.log, (-1, 100)), "log2": (np.log2, (-1, 100)), "sqrt": (np.sqrt, (-1, 100)), "sqrt_rn": (np.sqrt, (-1, 100)),
    "rsqrt": (lambda x: 1 / np.sqrt(x), (-1, 100)), "sin": (np.sin, WIDE), "cos": (np.cos, WIDE),
    "erf": (by_element(math.erf), (-5, 5)), "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), WIDE),
}  # fmt: skip


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", REFERENCES)
def test_a_function_of_one_operand_equals_numpys(rig, name, kind):
    reference, span = REFERENCES[name]
    x = spread(*span, kind)
    with np.errstate(all="ignore"):
        expected = reference(x.astype(np.float64)).astype(kind)
    found = computed(rig, getattr(tl, name), x)
    np.testing.assert_allclose(found, expected, rtol=3e-7 if kind is np.float32 else 1e-14, atol=1e-30, equal_nan=True)


LIBRARY = {
    "acos": (np.arccos, (-1, 1)), "acosh": (np.arccosh, (0, 50)), "asin": (np.arcsin, (-1, 1)), "asinh": (np.arcsinh, WIDE),
    "atan": (np.arctan, WIDE), "atanh": (np.arctanh, (-1, 1)), "cbrt": (np.cbrt, WIDE), "cosh": (np.cosh, WIDE),
    "sinh": (np.sinh, WIDE), "tan": (np.tan, (-1, 1)), "tanh": (np.tanh, WIDE), "erfc": (by_element(math.erfc), (-4, 8)),
    "expm1": (np.expm1, WIDE), "log1p": (np.log1p, (-1, 100)), "log10": (np.log10, (-1, 100)),
    "exp10": (by_element(lambda x: 10.0**x), (-20, 20)), "trunc": (np.trunc, WIDE), "rint": (np.rint, WIDE),
    "lgamma": (by_element(math.lgamma), (0.1, 30)), "tgamma": (by_element(math.gamma), (0.1, 30)),
    "saturatef": (lambda x: np.fmin(np.fmax(x, 0), 1), (-2, 2)), "nearbyint": (np.rint, WIDE),
    "fast_expf": (np.exp, WIDE), "fast_logf": (np.log, (0, 9)),
}  # fmt: skip


@pytest.mark.parametrize("name", LIBRARY)
def test_a_function_of_the_math_library_equals_its_reference(rig, name):
    reference, span = LIBRARY[name]
    x = spread(*span, specials=name not in ("lgamma", "tgamma"))
    with np.errstate(all="ignore"):
        expected = reference(x.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(
        computed(rig, getattr(libdevice, name), x), expected, rtol=2e-6, atol=1e-30, equal_nan=True
    )


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("atan2", np.arctan2), ("pow", np.power), ("fmod", np.fmod), ("hypot", np.hypot), ("copysign", np.copysign),
        ("nextafter", np.nextafter), ("div_rn", np.divide), ("fdim", lambda x, y: np.where(np.isnan(x + y) & (np.isnan(x) | np.isnan(y)), np.nan, np.fmax(x - y, 0))),
        ("remainder", by_element(math.remainder)), ("max", np.fmax), ("min", np.fmin),
    ],
)  # fmt: skip
def test_a_function_of_two_operands_of_the_math_library_equals_its_reference(rig, name, reference):
    x, y = spread(-9, 9), spread(-7, 8)[::-1].copy()
    with np.errstate(all="ignore"):
        expected = np.asarray(reference(x, y)).astype(np.float32)
    np.testing.assert_allclose(computed(rig, getattr(libdevice, name), x, y), expected, rtol=1e-6, equal_nan=True)


def test_predicates_rounding_and_bits_of_the_math_library(rig):
    x = spread(-5, 5)
    for name, reference in (
        ("isnan", np.isnan),
        ("isinf", np.isinf),
        ("finitef", np.isfinite),
        ("signbit", np.signbit),
    ):
        assert np.array_equal(computed(rig, getattr(libdevice, name), x, kind=np.int32), reference(x))
    halves = np.arange(-COUNT // 2, COUNT // 2).astype(np.float32) / 2
    away = np.copysign(np.floor(np.abs(halves) + 0.5), halves)
    assert np.array_equal(computed(rig, libdevice.round, halves), away)
    assert np.array_equal(computed(rig, libdevice.llrint, halves, kind=np.int64), np.rint(halves))
    assert np.array_equal(
        computed(rig, libdevice.sinpi, halves), np.where(halves % 1 == 0, 0, np.where((halves - 0.5) % 2 == 0, 1, -1))
    )
    whole = np.random.default_rng(1).integers(-(2**31), 2**31, COUNT).astype(np.int32)
    whole[0] = 0
    unsigned = [int(each) % 2**32 for each in whole]
    assert computed(rig, libdevice.popc, whole).tolist() == [each.bit_count() for each in unsigned]
    assert computed(rig, libdevice.clz, whole).tolist() == [32 - each.bit_length() for each in unsigned]
    assert computed(rig, libdevice.ffs, whole).tolist() == [(each & -each).bit_length() for each in unsigned]
    assert [each % 2**32 for each in computed(rig, libdevice.brev, whole).tolist()] == [
        int(f"{each:032b}"[::-1], 2) for each in unsigned
    ]
    assert np.array_equal(computed(rig, libdevice.float_as_int, x, kind=np.int32), x.view(np.int32))
    y = np.linspace(-0.999, 0.999, COUNT).astype(np.float32)
    np.testing.assert_allclose(by_element(math.erf)(computed(rig, libdevice.erfinv, y)), y, rtol=1e-5, atol=1e-9)


def test_the_math_namespace_has_the_library_and_an_alien_operand_is_refused(rig):
    x = spread(0, 5, specials=False)
    np.testing.assert_allclose(computed(rig, tl.math.tanh, x), np.tanh(x), rtol=1e-6)
    with pytest.raises(KernelError, match=r"libdevice\.tanh takes float32 or float64, got float16"):
        computed(rig, libdevice.tanh, x.astype(np.float16))
    with pytest.raises(KernelError, match=r"libdevice\.pow takes 2 operands, got 1"):
        computed(rig, libdevice.pow, x)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_fma_rounds_once(rig, kind):
    rng = np.random.default_rng(3)
    x, y = (rng.standard_normal(COUNT).astype(kind) for _ in range(2))
    z = (-(x.astype(np.float64) * y)).astype(kind)  # cancels all but the product's lower half
    exact = x.astype(np.longdouble) * y + z
    found = computed(rig, tl.fma, x, y, z)
    assert np.array_equal(found, exact.astype(kind))
    assert found.any()


@pytest.mark.parametrize("kind", [np.int32, np.uint32, np.int64, np.uint64])
def test_umulhi_is_the_upper_half_of_the_unsigned_product(rig, kind):
    rng = np.random.default_rng(4)
    limits = np.iinfo(kind)
    x, y = (rng.integers(limits.min, limits.max, COUNT, kind, endpoint=True) for _ in range(2))
    bits = 8 * x.itemsize
    expected = [(int(a) % 2**bits) * (int(b) % 2**bits) >> bits for a, b in zip(x, y, strict=True)]
    assert [each % 2**bits for each in computed(rig, tl.umulhi, x, y).tolist()] == expected


def test_of_two_operands_nan_loses_unless_it_is_propagated(rig):
    x, y = spread(-3, 3), spread(-2, 2)[::-1].copy()
    keep = tl.PropagateNan.ALL
    for function, losing, keeping in ((tl.maximum, np.fmax, np.maximum), (tl.minimum, np.fmin, np.minimum)):
        assert np.array_equal(computed(rig, function, x, y), losing(x, y), equal_nan=True)
        propagated = computed(rig, lambda a, b, f=function: f(a, b, propagate_nan=keep), x, y)
        assert np.array_equal(propagated, keeping(x, y), equal_nan=True)
    assert np.array_equal(computed(rig, lambda a: tl.clamp(a, -1.0, 1.0), x), np.fmin(np.fmax(x, -1), 1))
    kept = computed(rig, lambda a: tl.clamp(a, -1.0, 1.0, propagate_nan=keep), x)
    assert np.array_equal(kept, np.clip(x, -1, 1), equal_nan=True)


@pytest.mark.parametrize("kind", [np.float32, np.float16, ml_dtypes.bfloat16, np.int32, np.int8, np.uint8])
def test_where_takes_blocks_and_numbers_in_their_common_type(rig, kind):
    x, y = spread(0, 9, kind, specials=False), spread(0, 8, kind, specials=False)
    pick = x > y
    assert np.array_equal(computed(rig, lambda a, b: tl.where(a > b, a, b), x, y), np.where(pick, x, y))
    zero = np.zeros((), kind)
    assert np.array_equal(computed(rig, lambda a, b: tl.where(a > b, a, 0), x, y), np.where(pick, x, zero))
    assert np.array_equal(computed(rig, lambda a, b: tl.where(a > b, 0, b), x, y), np.where(pick, zero, y))


def test_where_of_known_integers_is_known_and_addresses_memory_without_values(rig):
    def kernel(x, n, out):
        i = tl.arange(0, 16)
        inside = tl.where(i < n, i, 0)
        tl.store(out + i, tl.load(x + inside))

    device = rig()
    out = device.tensor(np.zeros(16, np.float32))
    x = np.arange(10, 20, dtype=np.float32)
    device.launch(kernel, 1, device.tensor(x), 10, out)
    assert out.numpy().tolist() == [*x, *[10] * 6]
    timed = rig(values=False)
    timed.launch(kernel, 1, timed.tensor(x), 10, timed.tensor(np.zeros(16, np.float32)))


def test_functions_of_known_scalars_cost_no_operation(rig):
    seen = {}

    def kernel(eps, n):
        seen.update(
            log=float(tl.log(eps)), root=float(tl.sqrt(n.to(tl.float32))), high=int(tl.umulhi(n.to(tl.uint32), 2**31)),
            chosen=int(tl.where(n > 3, n, 0)), sigma=tl.sigmoid(eps).dtype, bare=tl.maximum(3, 4), exp=float(tl.exp2(3.0)),
        )  # fmt: skip

    device = rig()
    assert device.launch(kernel, 1, 0.5, 16) == 0
    assert seen == {
        "log": float(np.log(np.float32(0.5))), "root": 4.0, "high": 8, "chosen": 16, "sigma": tl.float32, "bare": 4, "exp": 8.0,
    }  # fmt: skip


def test_division_and_special_functions_cost_their_passes(rig):
    """1024 elements are 16 cycles of 64 lanes at 1 GHz."""
    device = rig()
    x = device.tensor(np.ones(1024, np.float32))

    def time(function):
        def kernel(x):
            function(tl.load(x + tl.arange(0, 1024)))

        return device.launch(kernel, 1, x)

    nothing = time(lambda a: a)
    costs = [time(f) - nothing for f in (lambda a: a + a, lambda a: a / a, tl.exp, lambda a: tl.sum(a, 0), tl.sort)]
    assert costs == [16 * 10**6, 64 * 10**6, 64 * 10**6, (16 + 6) * 10**6, 55 * 16 * 10**6]
