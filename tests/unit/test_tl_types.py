"""Types and values where compiled Triton does not do what numpy or Python would."""

from typing import NamedTuple

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu import libdevice
from kernbench.triton_emu.jit import jit
from kernbench.triton_emu.shim_descriptor import TensorDescriptor

BF16 = ml_dtypes.bfloat16


def outcome(rig, function, *arrays):
    """What `function` makes of whole blocks of one or two arrays, as arrays of its own shapes and types."""
    device, made = rig(), []

    def kernel(first, second):
        blocks = [
            tl.load(pointer + tl.arange(0, array.size)).reshape(array.shape)
            for pointer, array in zip((first, second), arrays, strict=False)
        ]
        results = function(*blocks)
        made.extend(np.asarray(each.concrete()) for each in (results if isinstance(results, tuple) else (results,)))

    tensors = [device.tensor(array) for array in arrays]
    device.launch(kernel, 1, tensors[0], tensors[-1])
    return made[0] if len(made) == 1 else made


def test_sums_of_int1_are_taken_in_one_bit(rig):
    x, y = np.array([0, 0, 1, 1], np.int32), np.array([0, 1, 0, 1], np.int32)
    found = outcome(rig, lambda a, b: ((a > 0) + (b > 0), (a > 0) - (b > 0), -(a > 0), (a > 0) * (b > 0)), x, y)
    assert [(each.dtype, each.tolist()) for each in found] == [
        (np.bool_, [False, True, True, False]),
        (np.bool_, [False, True, True, False]),
        (np.bool_, [False, False, True, True]),
        (np.bool_, [False, False, False, True]),
    ]


def test_a_negative_is_zero_less_the_number(rig):
    """-(0.0) is 0.0, of a block and of a number."""
    found = outcome(rig, lambda a: -a, np.array([0.0, -0.0, 1.5, np.inf], np.float32))
    assert np.signbit(found).tolist() == [False, False, True, True]


@pytest.mark.parametrize("name", ["<", "<=", ">", ">=", "==", "!=", ">>", "-", "*", "&"])
def test_known_numbers_of_mixed_signs_become_what_loaded_ones_do(rig, name):
    from kernbench.triton_emu.arithmetic import binary

    signed, unsigned = np.arange(-2, 6, dtype=np.int32), np.arange(8, dtype=np.uint32)

    def both(a, b):
        known = binary(name, tl.arange(0, 8) - 2, tl.arange(0, 8).to(tl.uint32))
        return known, binary(name, a, b)

    known, loaded = outcome(rig, both, signed, unsigned)
    assert known.astype(loaded.dtype).tolist() == loaded.tolist()


def test_a_choice_between_known_numbers_of_mixed_signs_is_in_their_common_type(rig):
    def choose(a, b):
        i, u = tl.arange(0, 4) - 2, tl.arange(0, 4).to(tl.uint32)
        return tl.where(i < 0, i, u).to(tl.int64), tl.where(a < 0, a, b).to(tl.int64)

    known, loaded = outcome(rig, choose, np.arange(-2, 2, dtype=np.int32), np.arange(4, dtype=np.uint32))
    assert known.tolist() == loaded.tolist() == [2**32 - 2, 2**32 - 1, 2, 3]


def test_a_signed_number_keeps_its_sign_when_shifted_by_an_unsigned_one(rig):
    x, y = np.array([-8, -1, 8, 100], np.int32), np.array([1, 2, 1, 3], np.uint32)
    found = outcome(rig, lambda a, b: (a >> b).to(tl.int32), x, y)
    assert found.tolist() == [-4, -1, 4, 12]
    known = outcome(rig, lambda a: ((tl.arange(0, 4) - 8) >> tl.arange(0, 4).to(tl.uint32)).to(tl.int32) + a * 0, x)
    assert known.tolist() == [-8, -4, -2, -1]


@pytest.mark.parametrize(
    ("kind", "number", "result"),
    [
        (np.float16, 1e-8, np.float32),
        (BF16, 0.0, np.float32),
        (np.int8, 200, np.int32),
        (np.float64, 0.5, np.float64),
    ],
)
def test_the_greater_of_a_block_and_a_number_has_room_for_both(rig, kind, number, result):
    """The number is a tensor of its own to Triton's maximum, minimum and clamp; bfloat16 is float32 to them."""
    x = np.array([0, 1, 2, 3], kind)
    found = outcome(rig, lambda a: (tl.maximum(a, number), tl.minimum(a, number), tl.clamp(a, number, number)), x)
    exact = x.astype(result)
    assert [each.dtype for each in found] == [result] * 3
    assert found[0].tolist() == np.maximum(exact, np.asarray(number, result)).tolist()
    assert found[1].tolist() == np.minimum(exact, np.asarray(number, result)).tolist()


def test_a_product_and_a_number_are_added_in_the_number_s_type(rig):
    found = outcome(rig, lambda a: tl.fma(a, a, 1e-8), np.zeros(4, np.float16))
    assert (found.dtype, found[0]) == (np.float32, np.float32(1e-8))


def test_fdiv_of_16_bits_stays_there(rig):
    one, three = np.ones(4, np.float16), np.full(4, 3, np.float16)
    found = outcome(rig, lambda a, b: (tl.fdiv(a, b), a / b), one, three)
    assert [(each.dtype, each[0]) for each in found] == [
        (np.float16, np.float16(1 / 3)),
        (np.float32, np.float32(1 / 3)),
    ]


def test_each_offset_may_have_a_seed_of_its_own(rig):
    seeds, offsets = np.array([3, -4, 5, 3], np.int32), np.arange(4, dtype=np.int32)
    together = outcome(rig, tl.randint, seeds, offsets)
    alone = [outcome(rig, lambda o, s=int(s): tl.randint(s, o), offsets) for s in seeds]
    assert together.tolist() == [alone[n][n] for n in range(4)]


def test_types_answer_what_they_are_by_triton_s_names():
    asked = ["is_int8", "is_int64", "is_uint32", "is_fp8e4nv", "is_fp8e5", "is_int1", "is_void", "is_const"]
    found = {dtype.name: [name for name in asked if getattr(dtype, name)()] for dtype in (tl.int8, tl.uint32, tl.int1)}
    assert found == {"int8": ["is_int8"], "uint32": ["is_uint32"], "int1": ["is_int1"]}
    assert (tl.float8e4nv.is_fp8e4nv(), tl.float8e5.is_fp8e4nv()) == (True, False)


@pytest.mark.parametrize(
    ("kind", "out_dtype", "result"),
    [
        (np.int8, tl.int8, np.int32),
        (np.float32, tl.float16, np.float32),
        (BF16, tl.float16, np.float32),
        (np.float16, tl.float16, np.float16),
        (np.float16, None, np.float32),
    ],
)
def test_a_product_has_the_type_that_its_operands_allow(rig, kind, out_dtype, result):
    x = np.full((16, 16), 5, kind)
    found = outcome(rig, lambda a, b: tl.dot(a, b, out_dtype=out_dtype), x, x)
    assert (found.dtype, found[0, 0]) == (result, 400)


def test_a_product_in_bfloat16_is_refused_as_by_triton(rig):
    x = np.ones((16, 16), BF16)
    with pytest.raises(KernelError, match=r"out_dtype=tl.bfloat16 does not exist; use .to\(tl.bfloat16\)"):
        outcome(rig, lambda a, b: tl.dot(a, b, out_dtype=tl.bfloat16), x, x)


def test_folds_keep_the_types_that_triton_s_have(rig):
    bits = np.array([0x80, 0x7F, 0x0F, 0xFF], np.uint8)
    found = outcome(
        rig,
        lambda a: (
            tl.xor_sum(a), tl.reduce_or(a, 0), tl.sum(a, dtype=tl.uint8), tl.sum(a > 0), tl.sum(a > 0, dtype=tl.int1),
            tl.max(a, 0, return_indices=True)[0],
        ),
        bits,
    )  # fmt: skip
    assert [(each.dtype, int(each)) for each in found] == [
        (np.uint8, 0x0F), (np.uint8, 0xFF), (np.uint8, 0x0D), (np.uint32, 4), (np.bool_, 0), (np.uint8, 0xFF),
    ]  # fmt: skip


def test_maxima_with_their_places_are_float32_of_bfloat16_and_float16_of_float16(rig):
    for kind, result in ((BF16, np.float32), (np.float16, np.float16)):
        best, _ = outcome(rig, lambda a: tl.max(a, 0, return_indices=True), np.array([1, 3, 2, 0], kind))
        assert (best.dtype, float(best)) == (result, 3)


def test_running_sums_of_bfloat16_are_float32_and_running_products_of_integers_wrap(rig):
    sums = outcome(rig, lambda a: tl.cumsum(a, 0), np.array([256, 1, 1, 1], BF16))
    assert (sums.dtype, sums.tolist()) == (np.float32, [256, 257, 258, 259])
    powers = np.array([300**n for n in range(1, 5)]).astype(np.int16)
    products = outcome(rig, lambda a: tl.cumprod(a, 0), np.full(4, 300, np.int16))
    assert (products.dtype, products.tolist()) == (np.int16, powers.tolist())


def test_random_numbers_for_counters_of_64_bits_are_those_of_philox_4x64(rig):
    """The numbers: numpy's generator of that name, which counts up before it draws."""
    seed, offsets = 11, np.arange(1, 5, dtype=np.int64)
    found = outcome(rig, lambda a: tl.philox(seed, a, a * 0, a * 0, a * 0), offsets)
    words = np.array([np.random.Philox(key=seed, counter=int(each) - 1).random_raw(4) for each in offsets])
    assert np.stack(found, axis=1).tolist() == words.tolist()
    uniform = outcome(rig, tl.uint_to_uniform_float, np.array([2**63, 2**63 - 1, 0], np.uint64).astype(np.int64)[:2])
    assert (uniform.dtype, uniform.max() < 1) == (np.float32, True)


def test_random_numbers_for_one_counter_of_64_bits_are_a_block_s(rig):
    def draw(a):
        scalar = tl.to_tensor(2).to(tl.int64)
        return tl.philox(11, scalar, scalar * 0, scalar * 0, scalar * 0)

    found = outcome(rig, draw, np.zeros(2, np.int32))
    assert [int(each) for each in found] == np.random.Philox(key=11, counter=1).random_raw(4).tolist()


def test_running_sums_of_int1_wrap(rig):
    found = outcome(rig, lambda a: tl.cumsum(a > 0, 0, dtype=tl.int1), np.array([1, 1, 0, 1], np.int32))
    assert found.tolist() == [True, False, False, True]


def test_a_quotient_is_rounded_toward_zero_where_asked(rig):
    x, y = np.array([2, -2, 1, 1], np.float32), np.array([3, 3, 3, 2], np.float32)
    found = outcome(rig, libdevice.NAMES["div_rz"], x, y)
    assert [f"{each:#x}" for each in found.view(np.uint32).tolist()] == [
        "0x3f2aaaaa", "0xbf2aaaaa", "0x3eaaaaaa", "0x3f000000",
    ]  # fmt: skip


def test_numbers_are_converted_with_the_rounding_that_a_function_s_name_says(rig):
    x = np.array([1.5, -1.5, 2.5, -2.7], np.float32)
    found = {name: outcome(rig, libdevice.NAMES[f"float2int_{name}"], x).tolist() for name in ("rn", "rz", "rd", "ru")}
    assert found == {"rn": [2, -2, 2, -3], "rz": [1, -1, 2, -2], "rd": [1, -2, 2, -3], "ru": [2, -1, 3, -2]}
    whole = np.array([1, -2, 2**24 + 1, 2**24 + 3], np.int32)
    assert outcome(rig, libdevice.NAMES["int2float_rn"], whole).tolist() == whole.astype(np.float32).tolist()
    assert outcome(rig, libdevice.NAMES["ll2double_rn"], whole.astype(np.int64)).dtype == np.float64
    with pytest.raises(KernelError, match=r"libdevice.int2float_rn takes integers, got float32"):
        outcome(rig, libdevice.NAMES["int2float_rn"], x)


@jit
def annotated(out, a: tl.uint8, b: "tl.int64", c: tl.float64, d: tl.float16, e: "fp32", f: int, g: float, h: "int"):  # noqa: F821
    for number in tl.static_range(8):
        tl.static_print((a, b, c, d, e, f, g, h)[number].dtype)
    tl.store(out, a.to(tl.float64))
    tl.store(out + 1, b.to(tl.float64))
    tl.store(out + 2, c)
    tl.store(out + 3, d.to(tl.float64))


def test_numbers_have_the_types_of_their_parameters_annotations(rig, capsys):
    device = rig()
    out = device.tensor(np.zeros(4))
    device.launch(annotated, 1, out, -1, 10**10, 1 / 3, 1 / 3, 2, 7, 1, 2**40)
    types = ["uint8", "int64", "float64", "float16", "float32", "int32", "float32", "int64"]
    assert capsys.readouterr().err.split() == types
    assert out.numpy().tolist() == [255, 10**10, 1 / 3, float(np.float16(1 / 3))]


class Pair(NamedTuple):
    x: object
    n: object


@jit
def of_pairs(out, pair, nested):
    at = tl.arange(0, 4)
    tl.store(out + at, tl.load(pair.x + at) * pair.n + nested[0].n)


def test_tuples_with_names_keep_them_in_a_kernel(rig):
    device = rig()
    x, out = device.tensor(np.arange(4, dtype=np.float32)), device.tensor(np.zeros(4, np.float32))
    device.launch(of_pairs, 1, out, Pair(x, 3), (Pair(None, 5),))
    assert out.numpy().tolist() == [5, 8, 11, 14]


def test_pointers_are_chosen_one_by_one_and_whole(rig):
    device = rig()
    x, y = device.tensor(np.arange(4, dtype=np.float32)), device.tensor(-np.arange(4, dtype=np.float32))
    out = device.tensor(np.zeros(8, np.float32))

    def kernel(x, y, out, n):
        at = tl.arange(0, 4)
        tl.store(out + at, tl.load(tl.where(at % 2 == 0, x + at, y + at)))
        tl.store(out + 4 + at, tl.load(tl.where(n > 1, x, y) + at))

    device.launch(kernel, 1, x, y, out, 1)
    assert out.numpy().tolist() == [0, -1, 2, -3, 0, -1, -2, -3]
    with pytest.raises(KernelError, match=r"tl.where takes pointers to one type"):
        device.launch(lambda x, i, out: tl.where(tl.arange(0, 4) > 0, x, i), 1, x, device.tensor(np.arange(4)), out)


def test_a_block_of_pointers_has_a_transpose(rig):
    device = rig()
    x, out = device.tensor(np.arange(8, dtype=np.float32)), device.tensor(np.zeros(8, np.float32))

    def kernel(x, out):
        at = tl.arange(0, 4)[:, None] * 2 + tl.arange(0, 2)[None, :]
        tl.store(out + tl.arange(0, 2)[:, None] * 4 + tl.arange(0, 4)[None, :], tl.load((x + at).T))

    device.launch(kernel, 1, x, out)
    assert out.numpy().tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


def test_numbers_are_0_d_tensors_to_brackets_and_to_what_stretches(rig):
    seen = []

    def kernel(out, n, N: tl.constexpr):
        seen.extend([n[None].shape, n[None, None].shape, tl.broadcast_to(n + 3, (4,)).shape])
        seen.extend([tl.expand_dims(N, -1).shape, tl.program_id(0)[None].shape, out[None, None, :].shape])
        tl.store(out + tl.arange(0, 4), tl.broadcast_to(n + 3, (4,)))

    device = rig()
    out = device.tensor(np.zeros(4, np.int32))
    device.launch(kernel, 1, out, 2, 8)
    assert seen == [(1,), (1, 1), (4,), (1,), (1,), (1, 1)]
    assert out.numpy().tolist() == [5] * 4


def test_a_host_s_descriptor_pads_as_it_says(rig):
    device = rig()
    x, out = device.tensor(np.ones(4, np.float32)), device.tensor(np.zeros(8, np.float32))

    def kernel(described, out):
        tl.store(out + tl.arange(0, 8), described.load([0]))

    device.launch(kernel, 1, TensorDescriptor(x, [4], [1], [8], padding="nan"), out)
    assert np.isnan(out.numpy()).tolist() == [False] * 4 + [True] * 4


def test_floating_point_types_know_their_mantissas_and_exponents():
    facts = {
        name: (kind.fp_mantissa_width, kind.exponent_bias)
        for name, kind in tl.types.BY_NAME.items()
        if kind.is_floating()
    }
    assert facts == {
        "float8e4nv": (3, 7), "float8e5": (2, 15), "float8e4b8": (3, 8), "float8e5b16": (2, 16),
        "float16": (10, 15), "bfloat16": (7, 127), "float32": (23, 127), "float64": (52, 1023),
    }  # fmt: skip
    with pytest.raises(AttributeError, match="int8 has no mantissa"):
        _ = tl.int8.fp_mantissa_width


def test_descriptors_in_a_tuple_are_descriptors_in_the_kernel_too(rig):
    device = rig()
    x = device.tensor(np.arange(8, dtype=np.float32))
    out = device.tensor(np.zeros(8, np.float32))

    def kernel(described, out):
        (first, factor), second = described
        tl.store(out + tl.arange(0, 8), first.load([0]) * factor + second.load([0]))

    whole = TensorDescriptor(x, [8], [1], [8])
    device.launch(kernel, 1, ((whole, 2.0), whole), out)
    assert out.numpy().tolist() == [3 * each for each in range(8)]


def test_what_triton_s_compilers_take_at_a_launch_is_taken(rig):
    device = rig()
    hints = {"arch": "sm90", "cluster_dims": (1, 1, 1), "ptx_options": "-v", "backend_name": "cuda"}
    device.launch(lambda out: tl.store(out, 1), 1, out := device.tensor(np.zeros(1, np.int32)), **hints)
    assert out.numpy().tolist() == [1]
