"""The rarer functions of the math library: directed rounding, Bessel's, inverses, integers' own; against exact numbers."""

import math
from fractions import Fraction

import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu import libdevice

COUNT = 64


def computed(rig, name, *arrays, kind=None):
    def kernel(operands, out):
        i = tl.arange(0, COUNT)
        tl.store(out + i, getattr(libdevice, name)(*[tl.load(each + i) for each in operands]))

    device = rig()
    out = device.tensor(np.zeros(COUNT, arrays[0].dtype if kind is None else kind))
    device.launch(kernel, 1, tuple(device.tensor(array) for array in arrays), out)
    return out.numpy()


def drawn(kind, seed=0):
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal(COUNT) * 2.0 ** rng.integers(-30, 31, COUNT)
    return numbers.astype(kind)


EXACT = {
    "add": (2, lambda x, y: x + y), "sub": (2, lambda x, y: x - y), "mul": (2, lambda x, y: x * y),
    "div": (2, lambda x, y: x / y), "rcp": (1, lambda x: 1 / x), "fma": (3, lambda x, y, z: x * y + z),
}  # fmt: skip


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_a_directed_operation_gives_the_next_number_on_its_side(rig, name, kind):
    arity, exact = EXACT[name]
    operands = [drawn(kind, seed) for seed in range(arity)]
    down, up, zero = (computed(rig, f"{name}_{mode}", *operands) for mode in ("rd", "ru", "rz"))
    wanted = [exact(*map(Fraction, map(float, row))) for row in zip(*operands, strict=True)]
    assert all(
        Fraction(float(low)) <= each <= Fraction(float(high)) for low, each, high in zip(down, wanted, up, strict=True)
    )
    assert np.array_equal(np.where(down == up, up, np.nextafter(down, kind(np.inf))), up)
    assert np.array_equal(zero, np.where(np.array(wanted) < 0, up, down))
    assert (down != up).any()


def test_a_directed_operation_keeps_what_is_exact_and_saturates_on_the_far_side(rig):
    most = np.finfo(np.float32).max
    x = np.resize(np.array([1, 0.1, most, -most, np.inf, np.nan, 0, 4], np.float32), COUNT)
    y = np.resize(np.array([2, 0.2, most, -most, 1, 1, 0, -4], np.float32), COUNT)
    assert computed(rig, "add_rd", x, y)[2:8].tolist()[:3] == [most, -np.inf, np.inf]
    assert computed(rig, "add_rz", x, y)[:4].tolist() == [3, np.nextafter(np.float32(0.3), np.float32(0)), most, -most]
    assert computed(rig, "add_ru", x, y)[6] == 0
    assert computed(rig, "rcp_rz", np.zeros(COUNT, np.float32))[0] == np.inf
    assert math.isnan(computed(rig, "sqrt_rd", -y)[0])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_directed_root_lies_on_its_side(rig, kind):
    x = np.abs(drawn(kind))
    down, up = computed(rig, "sqrt_rd", x), computed(rig, "sqrt_ru", x)
    squares = [[Fraction(float(each)) ** 2 for each in side] for side in (down, up)]
    assert all(low <= Fraction(float(each)) <= high for low, each, high in zip(squares[0], x, squares[1], strict=True))
    assert np.array_equal(computed(rig, "sqrt_rz", x), down)


def test_integers_and_doubles_convert_by_the_mode_that_the_name_says(rig):
    whole = np.resize(np.array([2**24 + 1, -(2**24) - 1, 2**31 - 1, 7, -7, 2**30 + 63], np.int32), COUNT)
    down, up = (computed(rig, f"int2float_{mode}", whole, kind=np.float32) for mode in ("rd", "ru"))
    assert down[:4].tolist() == [2**24, -(2**24) - 2, 2**31 - 128, 7]
    assert up[:4].tolist() == [2**24 + 2, -(2**24), 2**31, 7]
    assert computed(rig, "int2float_rz", whole, kind=np.float32)[:2].tolist() == [2**24, -(2**24)]
    long = np.full(COUNT, 2**53 + 1, np.uint64)
    assert computed(rig, "ull2double_ru", long, kind=np.float64)[0] == 2**53 + 2
    x = np.full(COUNT, -0.1)
    nearest = np.float32(-0.1)
    assert computed(rig, "double2float_rn", x, kind=np.float32)[0] == nearest
    assert computed(rig, "double2float_ru", x, kind=np.float32)[0] == np.nextafter(nearest, np.float32(0))
    with pytest.raises(KernelError, match=r"libdevice\.double2float_rz takes float64, got float32"):
        computed(rig, "double2float_rz", x.astype(np.float32))


BESSEL = {
    "j0": ([0, 1, -1, 5, 50, 1e4], [1, 0.7651976865579666, 0.7651976865579666, -0.1775967713143383, 0.05581232766925181, -0.007096160353388802]),
    "j1": ([0, 1, -1, 5, 50], [0, 0.4400505857449335, -0.4400505857449335, -0.32757913759146523, -0.09751182812517514]),
    "y0": ([0, 1, 5, 50, -1], [-np.inf, 0.08825696421567697, -0.30851762524903376, -0.09806499547007698, np.nan]),
    "y1": ([0, 1, 5, 50, 0.01], [-np.inf, -0.7812128213002887, 0.14786314339122683, -0.05679566856201477, -63.67859628206064]),
    "cyl_bessel_i0": ([0, 1, -1, 10], [1, 1.2660658777520084, 1.2660658777520084, 2815.716628466254]),
    "cyl_bessel_i1": ([0, 1, -1, 10], [0, 0.5651591039924851, -0.5651591039924851, 2670.988303701255]),
}  # fmt: skip


@pytest.mark.parametrize("name", BESSEL)
def test_bessel_functions_have_their_tabulated_values(rig, name):
    places, values = BESSEL[name]
    found = computed(rig, name, np.resize(np.array(places, np.float64), COUNT))[: len(values)]
    np.testing.assert_allclose(found, values, rtol=1e-12)


def test_bessel_functions_of_any_order(rig):
    orders = np.resize(np.array([0, 1, 2, 5], np.int32), COUNT)
    x = np.full(COUNT, 2.0)
    first, second = (computed(rig, name, orders, x, kind=np.float64)[:4] for name in ("jn", "yn"))
    np.testing.assert_allclose(
        first, [0.22389077914123567, 0.5767248077568734, 0.35283402861563773, 0.007039629755871685], rtol=1e-12
    )
    np.testing.assert_allclose(
        second, [0.5103756726497451, -0.10703243154093755, -0.6174081041906827, -9.935989128481974], rtol=1e-12
    )


def test_bessel_functions_of_a_high_order_vanish_or_diverge(rig):
    orders = np.full(COUNT, 300, np.int32)
    assert computed(rig, "jn", orders, np.ones(COUNT), kind=np.float64)[0] == 0
    assert computed(rig, "yn", orders, np.ones(COUNT), kind=np.float64)[0] == -np.inf


def test_inverses_of_error_functions_lead_back(rig):
    y = np.concatenate((np.logspace(-300, -1, COUNT // 2), np.linspace(0.1, 1.9, COUNT // 2)))
    back = [math.erfc(each) for each in computed(rig, "erfcinv", y)]
    np.testing.assert_allclose(back, y, rtol=1e-11)
    ends = np.resize([0.0, 1.0, 2.0, 3.0], COUNT)
    assert np.array_equal(computed(rig, "erfcinv", ends)[:4], [np.inf, 0, -np.inf, np.nan], equal_nan=True)
    shares = np.linspace(0.001, 0.999, COUNT)
    np.testing.assert_allclose(
        [math.erfc(-each / math.sqrt(2)) / 2 for each in computed(rig, "normcdfinv", shares)], shares, rtol=1e-12
    )


def test_norms_do_not_overflow_on_the_way(rig):
    sides = [np.full(COUNT, side * 2.0**100, np.float32) for side in (2, 3, 6, 0)]
    assert computed(rig, "norm3d", *sides[:3])[0] == 7 * 2.0**100
    assert computed(rig, "norm4d", *sides)[0] == 7 * 2.0**100
    np.testing.assert_allclose(computed(rig, "rnorm4d", *sides)[0], 2.0**-100 / 7, rtol=1e-6)
    assert np.array_equal(computed(rig, "scalbn", sides[0], np.full(COUNT, -3, np.int32)), sides[0] / 8)


def test_functions_of_integers(rig):
    rng = np.random.default_rng(5)
    x, y, z = (rng.integers(-(2**31), 2**31, COUNT).astype(np.int32) for _ in range(3))
    wide = x.astype(np.int64), y.astype(np.int64), z.astype(np.int64)
    assert np.array_equal(computed(rig, "hadd", x, y), (wide[0] + wide[1]) >> 1)
    assert np.array_equal(computed(rig, "rhadd", x, y), (wide[0] + wide[1] + 1) >> 1)
    assert np.array_equal(
        computed(rig, "sad", x, y, z.view(np.uint32), kind=np.int64) % 2**32, (abs(wide[0] - wide[1]) + wide[2]) % 2**32
    )
    low = [(each & 0xFFFFFF) - (each >> 23 & 1) * 2**24 for each in wide[:2]]
    assert np.array_equal(computed(rig, "mul24", x, y), (low[0] * low[1]).astype(np.int32))
    selector = np.full(COUNT, 0x5410, np.int32)  # the lower halves of both
    assert np.array_equal(
        computed(rig, "byte_perm", x, y, selector).view(np.uint32), (wide[0] & 0xFFFF) | (wide[1] & 0xFFFF) << 16
    )


def test_a_double_is_taken_apart_and_put_together(rig):
    x = drawn(np.float64)
    high, low = (computed(rig, name, x, kind=np.int32) for name in ("double2hiint", "double2loint"))
    assert np.array_equal(high.astype(np.int64) << 32 | low.view(np.uint32), x.view(np.int64))
    assert np.array_equal(computed(rig, "hiloint2double", high, low, kind=np.float64), x)


def test_bits_of_floats_are_of_either_signedness(rig):
    x = drawn(np.float32)
    assert np.array_equal(computed(rig, "uint_as_float", x.view(np.uint32), kind=np.float32), x)
    assert np.array_equal(computed(rig, "int_as_float", x.view(np.int32), kind=np.float32), x)


def test_sinpi_is_as_precise_as_the_distance_from_a_whole_number(rig):
    x = np.resize(np.array([-1e-20, 1e-20, 1 + 1e-9, -3.25, 2.5, 1e15 + 0.5, 7, -np.inf]), COUNT)
    found = computed(rig, "sinpi", x)[:8]
    distance = float(x[2]) - 1
    expected = [-math.pi * 1e-20, math.pi * 1e-20, -math.pi * distance, math.sqrt(0.5), 1, 1, 0, np.nan]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_erfcx_is_precise_where_erfc_underflows(rig):
    x = np.resize(np.array([30.0, 100.0, 1e10]), COUNT)
    assert computed(rig, "erfcx", x)[:3] == pytest.approx(
        [0.018795888861416751, 0.005641613782989433, 5.641895835477563e-11], rel=1e-13
    )
