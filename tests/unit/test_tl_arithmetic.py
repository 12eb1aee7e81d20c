"""Operators and casts of every element type, against numpy and ml_dtypes, NaN and infinity included."""

import operator

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu.dtype import BY_NAME

INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "bfloat16", "float32", "float64", "float8e4nv", "float8e5"]
COUNT = 64
SPECIAL = [
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1.0,
    -1.0,
    448.0,
    464.0,
    480.0,
    57344.0,
    65504.0,
    65520.0,
    1e-8,
    2**-149,
    3e38,
]


def samples(name, seed):
    """Numbers of a type over its whole range, its special ones among them."""
    rng = np.random.default_rng(seed)
    kind = BY_NAME[name].numpy
    if name in INTS:
        limits = np.iinfo(kind)
        edge = np.array([limits.min, limits.max, 0, 1, 2, 3, 100, limits.max - 1], kind)
        drawn = rng.integers(limits.min, limits.max, COUNT - len(edge), kind, endpoint=True)
        return rng.permutation(np.concatenate((edge, drawn)))
    drawn = rng.standard_normal(COUNT - len(SPECIAL)) * 2.0 ** rng.integers(-6, 7, COUNT - len(SPECIAL))
    with np.errstate(all="ignore"):
        return rng.permutation(np.concatenate((SPECIAL, drawn))).astype(np.float32).astype(kind)


def rounded(wide, kind):
    """float32 to another type of floats: ml_dtypes rounds, what lies beyond the range of fp8 is its largest number."""
    with np.errstate(all="ignore"):
        if np.dtype(kind).itemsize == 1:
            most = float(ml_dtypes.finfo(kind).max)
            wide = np.where(wide > most, most, np.where(wide < -most, -most, wide)).astype(np.float32)
        return wide.astype(kind)


def same(found, expected):
    """Equal bit for bit, all NaN alike."""
    assert found.dtype == expected.dtype
    lost = np.isnan(expected.astype(np.float64)) if expected.dtype.kind not in "iub" else np.zeros(expected.shape, bool)
    assert np.array_equal(lost, np.isnan(found.astype(np.float64)) if lost.any() else lost)
    assert found[~lost].tobytes() == expected[~lost].tobytes()


def computed(rig, function, *arrays, kind=None):
    """What a kernel makes of arrays of COUNT elements, stored as `kind`."""

    def kernel(x, y, out):
        i = tl.arange(0, COUNT)
        tl.store(out + i, function(tl.load(x + i), tl.load(y + i)))

    device = rig()
    out = device.tensor(np.zeros(COUNT, arrays[0].dtype if kind is None else kind))
    device.launch(kernel, 1, device.tensor(arrays[0]), device.tensor(arrays[-1]), out)
    return out.numpy()


ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
BITS = {"&": operator.and_, "|": operator.or_, "^": operator.xor}


@pytest.mark.parametrize("name", INTS + FLOATS)
def test_sums_differences_and_products_round_or_wrap_as_the_type_does(rig, name):
    x, y = samples(name, 1), samples(name, 2)
    for operate in ARITHMETIC.values():
        with np.errstate(all="ignore"):
            wide = (x, y) if name in (*INTS, "float64") else (x.astype(np.float32), y.astype(np.float32))
            expected = operate(*wide).astype(x.dtype) if name in INTS else rounded(operate(*wide), x.dtype)
        same(computed(rig, operate, x, y), expected)


@pytest.mark.parametrize("name", INTS + FLOATS)
def test_comparisons_follow_ieee(rig, name):
    x, y = samples(name, 3), samples(name, 4)
    x[: COUNT // 2] = y[: COUNT // 2]
    for compare in COMPARISONS.values():
        expected = compare(x.astype(np.float64), y.astype(np.float64)) if name in FLOATS else compare(x, y)
        same(computed(rig, compare, x, y, kind=np.bool_), expected)


def truncated(x, y):
    return [0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) for a, b in zip(x.tolist(), y.tolist(), strict=True)]  # fmt: skip


@pytest.mark.parametrize("name", INTS)
def test_integer_division_truncates_toward_zero_and_the_remainder_has_the_dividends_sign(rig, name):
    x, y = samples(name, 5), samples(name, 6)
    y[:8] = [1, 2, 3, 5, 7, 100, 11, 13]
    quotients = truncated(x, y)
    bits = 8 * x.itemsize
    found = computed(rig, operator.floordiv, x, y).tolist()
    assert [each % 2**bits for each in found] == [each % 2**bits for each in quotients]
    remainders = [0 if b == 0 else a - q * b for a, b, q in zip(x.tolist(), y.tolist(), quotients, strict=True)]
    assert computed(rig, operator.mod, x, y).tolist() == remainders


@pytest.mark.parametrize("name", INTS)
def test_bits_and_shifts_equal_numpys(rig, name):
    x, y = samples(name, 7), samples(name, 8)
    for operate in BITS.values():
        same(computed(rig, operate, x, y), operate(x, y))
    shift = (np.arange(COUNT) % (8 * x.itemsize)).astype(x.dtype)
    same(computed(rig, operator.lshift, x, shift), np.left_shift(x, shift))
    same(computed(rig, operator.rshift, x, shift), np.right_shift(x, shift))
    same(computed(rig, lambda a, _: ~a, x, y), ~x)


@pytest.mark.parametrize(("name", "result"), [("float16", "float32"), ("bfloat16", "float32"), ("float32", "float32"), ("int32", "float32"), ("float64", "float64")])  # fmt: skip
def test_true_division_is_in_float32_or_wider(rig, name, result):
    x, y = samples(name, 9), samples(name, 10)
    kind = BY_NAME[result].numpy
    with np.errstate(all="ignore"):
        same(computed(rig, operator.truediv, x, y, kind=kind), x.astype(kind) / y.astype(kind))


@pytest.mark.parametrize("source", FLOATS)
@pytest.mark.parametrize("target", FLOATS)
def test_casts_between_floats_round_as_ml_dtypes(rig, source, target):
    x = samples(source, 11)
    kind = BY_NAME[target].numpy
    with np.errstate(all="ignore"):
        expected = rounded(x.astype(np.float32), kind) if source != target else x
        if {source, target} <= {"float16", "float32", "float64"}:
            expected = x.astype(kind)
    same(computed(rig, lambda a, _: a.to(BY_NAME[target]), x, kind=kind), expected)


@pytest.mark.parametrize("target", INTS)
@pytest.mark.parametrize("source", FLOATS)
def test_floats_become_integers_toward_zero_within_the_range_of_the_conversion(rig, source, target):
    x = samples(source, 12)
    kind = BY_NAME[target].numpy
    limits = np.iinfo(kind if kind.itemsize == 8 or target == "uint32" else np.int32)

    def one(value):
        if np.isnan(value):
            return 0
        whole = int(np.clip(value, -1e30, 1e30))
        return min(max(whole, limits.min), limits.max)

    expected = np.array([one(float(value)) % 2 ** (8 * kind.itemsize) for value in x], np.uint64).astype(kind)
    same(computed(rig, lambda a, _: a.to(BY_NAME[target]), x, kind=kind), expected)


@pytest.mark.parametrize("target", INTS)
@pytest.mark.parametrize("source", INTS)
def test_casts_between_integers_wrap(rig, source, target):
    x = samples(source, 13)
    kind = BY_NAME[target].numpy
    same(computed(rig, lambda a, _: a.to(BY_NAME[target]), x, kind=kind), x.astype(kind))


def test_a_bitcast_keeps_the_bits_and_a_cast_toward_zero_drops_them(rig):
    x = samples("float32", 14)
    same(computed(rig, lambda a, _: a.to(tl.int32, bitcast=True), x, kind=np.int32), x.view(np.int32))
    kept = ~np.isnan(x)
    cut = (x.view(np.uint32) & 0xFFFF0000).view(np.float32)
    found = computed(rig, lambda a, _: a.to(tl.bfloat16, fp_downcast_rounding="rtz"), x, kind=ml_dtypes.bfloat16)
    tiny = np.abs(x) < 1e-37
    assert np.array_equal(found.astype(np.float32)[kept & ~tiny & np.isfinite(x)], cut[kept & ~tiny & np.isfinite(x)])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("uint8", "int8", "uint8"), ("uint8", "int16", "int16"), ("uint32", "int32", "uint32"), ("int64", "uint32", "int64"),
        ("float8e4nv", "float8e5", "float16"), ("float8e4nv", "float8e4nv", "float8e4nv"), ("float16", "float8e5", "float16"),
        ("int64", "float16", "float16"), ("float64", "float32", "float64"), ("bfloat16", "float16", "float16"),
    ],
)  # fmt: skip
def test_blocks_of_two_types_become(rig, left, right, expected):
    seen = []
    x, y = samples(left, 15), samples(right, 16)
    computed(rig, lambda a, b: seen.append((a + b).dtype) or a, x, y)
    assert seen == [BY_NAME[expected]]


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [("float16", 2.5, "float16"), ("float16", 3, "float16"), ("int32", 2.5, "float32"), ("int8", 3, "int8"), ("bfloat16", 1.5, "bfloat16"), ("uint8", 7, "uint8"), ("int32", 2**40, "int32")],
)  # fmt: skip
def test_a_bare_number_bends_to_the_block_or_is_refused(rig, name, number, expected):
    seen = []
    x = samples(name, 17)
    if number == 2**40:
        with pytest.raises(KernelError, match="out of bounds for int32"):
            computed(rig, lambda a, _: a + number, x)
        return
    computed(rig, lambda a, _: seen.append((a + number).dtype) or a, x)
    assert seen == [BY_NAME[expected]]


@pytest.mark.parametrize(
    ("dtype", "number"), [(tl.int8, 300), (tl.uint8, -1), (tl.int16, 2**15), (tl.int32, 2**40), (tl.uint32, -1)]
)
def test_a_bare_number_beside_a_range_is_one_of_its_type_too(rig, dtype, number):
    x = samples("int32", 18)
    for body in (lambda at: at + number, lambda at: number * at, lambda at: at < number, lambda at: number == at):
        with pytest.raises(KernelError, match=rf" {number} is out of bounds for {dtype}; take a type that holds it"):
            computed(rig, lambda a, _, body=body: body(tl.arange(0, 16).to(dtype)) and a, x)


def test_operators_by_name_are_the_operators_and_bare_numbers_bend_on_either_side(rig):
    seen = []

    def kernel(x, y, out):
        at = tl.arange(0, 16)
        half, byte, known = tl.load(x + at), tl.load(tl.add(y, at)), at.to(tl.uint8)
        made = (
            tl.add(1.5, half),
            tl.sub(2.0, half),
            tl.mul(half, 3.0),
            tl.sub(50, byte),
            tl.mul(2, byte),
            tl.add(7, known),
        )
        seen.extend(each.dtype for each in made)
        seen.append([int(tl.add(2, 3)), int(tl.sub(2, 3)), int(tl.mul(2, 3)), tl.add(2, 3).dtype])
        tl.store(tl.add(16, out) + at, tl.add(tl.add(made[0], made[1]), made[2]))
        tl.store(out + at, tl.add(tl.add(made[3], made[4]), made[5].to(tl.int8)))

    device = rig()
    x, y = np.arange(16, dtype=np.float16), np.arange(16, dtype=np.int8)
    out = device.tensor(np.zeros(32, np.float32))
    device.launch(kernel, 1, device.tensor(x), device.tensor(y), out)
    assert seen == [tl.float16] * 3 + [tl.int8] * 2 + [tl.uint8, [5, -1, 6, tl.int32]]
    assert out.numpy().tolist() == [*(57 + 2.0 * y), *(3.5 + 3.0 * x)]


def test_arguments_are_scalars_with_types_that_do_not_bend(rig):
    """As compiled: float16 times a float argument is float32, and division is the device's."""
    seen = {}

    def kernel(x, eps, n, step: tl.constexpr):
        half = tl.load(x + tl.arange(0, 16))
        seen.update(
            product=(half * eps).dtype, kind=eps.dtype, cast=eps.to(tl.float16).dtype, n=n.dtype, fixed=type(step),
            quotient=int(-n // 3), rest=int(-n % 3), wide=(n.to(tl.int64) * 2**31).dtype, shape=n.shape,
            wrapped=int(n * (2**31 - 1)), under=bool(n < 8) and not bool(~(n < 8)), pid=tl.program_id(0).to(tl.int64).dtype,
            half=float(eps), ratio=float(n / 2), shifted=int(n << 2), most=int(tl.maximum(n, 3)), up=int(tl.cdiv(n, 4)),
        )  # fmt: skip

    device = rig()
    device.launch(kernel, 1, device.tensor(np.ones(16, np.float16)), 0.1, 7, step=4)
    assert seen == {
        "product": tl.float32, "kind": tl.float32, "cast": tl.float16, "n": tl.int32, "fixed": int,
        "quotient": -2, "rest": -1, "wide": tl.int64, "shape": (), "wrapped": 7 * (2**31 - 1) - 3 * 2**32, "under": True,
        "pid": tl.int64, "half": float(np.float32(0.1)), "ratio": 3.5, "shifted": 28, "most": 7, "up": 2,
    }  # fmt: skip


def test_known_integers_wrap_at_32_bits_like_computed_ones(rig):
    def kernel(x, out):
        i = tl.arange(0, 16)
        big = i * 300_000_000
        tl.store(out + i, big)
        tl.store(out + 16 + i, tl.load(x + i) * 300_000_000)
        tl.store(out + 32 + i, (i.to(tl.int64) * 300_000_000 > 2**31).to(tl.int32))
        tl.store(out + 48 + i, (big < 0).to(tl.int32))

    device = rig()
    out = device.tensor(np.zeros(64, np.int32))
    device.launch(kernel, 1, device.tensor(np.arange(16, dtype=np.int32)), out)
    found = out.numpy().reshape(4, 16)
    exact = np.arange(16, dtype=np.int64) * 300_000_000
    assert np.array_equal(found[0], exact.astype(np.int32))
    assert np.array_equal(found[1], found[0])
    assert np.array_equal(found[2], exact > 2**31)
    assert np.array_equal(found[3], exact.astype(np.int32) < 0)


def test_a_known_block_and_a_number_of_64_bits_without_a_sign(rig):
    factor = 0x9E3779B97F4A7C15

    def kernel(out):
        i = tl.arange(0, 16)
        wide = i.to(tl.uint64)
        most = tl.program_id(0).to(tl.uint64) - 1
        for row, made in enumerate((wide ^ factor, wide & most, (wide < most).to(tl.uint64), (i > 3) + most)):
            tl.store(out + 16 * row + i, made)

    device = rig()
    out = device.tensor(np.zeros(64, np.uint64))
    device.launch(kernel, 1, out)
    rows = out.numpy().reshape(4, 16).tolist()
    assert rows[:3] == [[each ^ factor for each in range(16)], [*range(16)], [1] * 16]
    assert rows[3] == [2**64 - 1] * 4 + [0] * 12


@pytest.mark.parametrize("operate", [operator.floordiv, operator.mod, operator.lshift, operator.rshift])
def test_truth_that_is_known_stays_truth_in_quotients_and_shifts(rig, operate):
    def kernel(x, out):
        i = tl.arange(0, 16)
        for row, at in enumerate((i, tl.load(x + i))):
            made = operate(at < 8, at < 4)
            assert made.dtype is tl.int1
            tl.store(out + 16 * row + i, made)

    device = rig()
    out = device.tensor(np.zeros(32, np.int32))
    device.launch(kernel, 1, device.tensor(np.arange(16, dtype=np.int32)), out)
    known, loaded = out.numpy().reshape(2, 16).tolist()
    assert known == loaded


def test_truth_that_is_known_adds_up_in_one_bit_as_loaded_truth_does(rig):
    def kernel(x, out):
        i = tl.arange(0, 16)
        for row, at in enumerate((i, tl.load(x + i))):
            low, lower = at < 8, at < 4
            tl.store(out + 32 * row + i, low + lower)
            tl.store(out + 32 * row + 16 + i, low - lower)

    device = rig()
    out = device.tensor(np.zeros(64, np.int32))
    device.launch(kernel, 1, device.tensor(np.arange(16, dtype=np.int32)), out)
    assert out.numpy().reshape(4, 16).tolist() == [[0] * 4 + [1] * 4 + [0] * 8] * 4


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (lambda x: tl.load(x + tl.arange(0, 8)) & 1.5, "& takes integers"),
        (lambda x: tl.exp(tl.load(x + tl.arange(0, 8)).to(tl.float16)), r"tl.exp takes float32 or float64, got float16; use .to\(tl.float32\)"),
        (lambda x: tl.load(x + tl.arange(0, 8)) // 2, "// takes integers"),
        (lambda x: tl.load(x + tl.arange(0, 8)).to("float"), "a type like tl.float32 is wanted"),
        (lambda x: tl.load(x + tl.arange(0, 8)).to(tl.int16, bitcast=True), "a bitcast keeps the size"),
        (lambda x: x + 1.5, "a pointer moves by integers"),
        (lambda x: tl.arange(0, 12), "has 12 elements, which is no power of two; use 16 and a mask"),
        (lambda x: tl.dot(tl.zeros((16, 16), tl.float32), tl.zeros((16, 16), tl.float16)), "do not multiply"),
        (lambda x: tl.dot(tl.zeros((16, 16), tl.int32), tl.zeros((16, 16), tl.int32)), "integers have 8 bits"),
        (lambda x: tl.zeros((16, 16), tl.float32) + tl.zeros((8,), tl.float32), "do not broadcast together"),
        (lambda x: tl.wgmma, r"tl.wgmma does not exist here; `kernbench list tl` prints"),
        (lambda x: tl.arange(0, 8).wrong(), r"has no attribute 'wrong'; `kernbench list tl` prints"),
        (lambda x: tl.load(x + 8 + tl.arange(0, 8)), r"x\[15\] is outside the tensor"),
        (lambda x: tl.store(x + tl.arange(0, 8), tl.zeros((16,), tl.float32)), r"shapes \[8\] and \[16\] do not broadcast|a value of shape \[16\]"),
        (lambda x: tl.zeros((1 << 20,), tl.float32), "TCM overflow: a block of 4MiB does not fit"),
        (lambda x: [*tl.arange(0, 8)], "is not iterated"),
    ],
)  # fmt: skip
def test_a_wrong_statement_is_an_error_at_its_line(rig, statement, message):
    def kernel(x):
        keep = statement(x)
        tl.zeros((1,), tl.float32)
        del keep

    device = rig()
    with pytest.raises(KernelError, match=message) as caught:
        device.launch(kernel, 1, device.tensor(np.zeros(8, np.float32)))
    assert caught.value.where.startswith(__file__)
