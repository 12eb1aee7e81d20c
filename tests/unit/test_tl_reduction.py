"""Reductions, scans, sorting and counting along every axis, against numpy; NaN and infinity included."""

import functools

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu.dtype import by_numpy

SHAPES = [(64,), (8, 16), (4, 2, 8), (1, 32)]
KINDS = [np.float32, np.float16, ml_dtypes.bfloat16, np.float64, np.int32, np.int8, np.uint8, np.int64]


def drawn(shape, kind, seed=0, *, special=False):
    rng = np.random.default_rng(seed)
    if np.dtype(kind).kind in "iu":
        return rng.integers(-90 if np.dtype(kind).kind == "i" else 0, 90, shape).astype(kind)
    x = rng.integers(-8, 9, shape).astype(np.float32) / 4
    if special:
        flat = x.reshape(-1)
        flat[::5], flat[3], flat[7] = np.nan, np.inf, -np.inf
    return x.astype(kind)


def computed(rig, function, x, *more, outs=1):
    """What `function` makes of whole blocks, as arrays of its own shapes and types."""
    made = []

    def kernel(*pointers, out):
        blocks = []
        for pointer, array in zip(pointers, (x, *more), strict=True):
            index = tl.arange(0, array.size).reshape(array.shape) if array.ndim != 1 else tl.arange(0, array.size)
            blocks.append(tl.load(pointer + index))
        results = function(*blocks)
        for number, result in enumerate(results if isinstance(results, tuple) else (results,)):
            made.append((result.shape, result.dtype))
            flat = result.reshape(result.numel) if result.shape else result
            places = tl.arange(0, result.numel) if result.shape else 0
            target = (out + 4096 * number).to(tl.pointer_type(result.dtype))
            tl.store(target + places, flat)

    def three(a, b, out):
        kernel(*((a, b)[: 1 + len(more)]), out=out)

    device = rig()
    out = device.tensor(np.zeros(4096 * outs, np.uint8))
    device.launch(three, 1, device.tensor(x), device.tensor(more[0] if more else x), out)
    arrays = []
    for number, (shape, dtype) in enumerate(made):
        size = int(np.prod(shape)) * dtype.itemsize
        arrays.append(out.numpy()[4096 * number : 4096 * number + size].view(dtype.numpy).reshape(shape))
    return arrays[0] if outs == 1 else tuple(arrays)


def axes(shape):
    return [None, *range(-1, len(shape))]


def wide(kind):
    kind = np.dtype(kind)
    if kind.kind in "iu":
        return kind if kind.itemsize >= 4 else np.dtype(np.uint32 if kind.kind == "u" else np.int32)
    return kind if kind == np.float64 else np.dtype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_along_each_axis_equal_numpys_in_their_type(rig, shape, kind):
    x = drawn(shape, kind)
    for axis in axes(shape):
        exact = x.astype(np.float64).sum(axis=axis)
        result = x.dtype if by_numpy(kind).is_floating() else wide(kind)
        found = computed(rig, functools.partial(tl.sum, axis=axis), x)
        assert (found.dtype, found.shape) == (result, exact.shape)
        assert np.array_equal(found, exact.astype(np.float32).astype(result) if result != np.float64 else exact)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_lose_nan_and_come_with_their_places(rig, name, kind):
    floating = by_numpy(kind).is_floating()
    for shape in SHAPES:
        x = drawn(shape, kind, special=floating and shape != (1, 32))
        known = np.where(np.isnan(x.astype(np.float64)), -np.inf if name == "max" else np.inf, x.astype(np.float64))
        for axis in axes(shape):
            best = getattr(np, name)(known, axis=axis)
            found = computed(rig, lambda b, a=axis: getattr(tl, name)(b, a), x)
            assert np.array_equal(found.astype(np.float64), best)
            values, places = computed(rig, lambda b, a=axis: getattr(tl, name)(b, a, return_indices=True), x, outs=2)
            assert np.array_equal(values.astype(np.float64), best)
            assert (places.dtype, np.array_equal(places, getattr(np, f"arg{name}")(known, axis=axis))) == (
                np.int32,
                True,
            )
            alone = computed(rig, lambda b, a=axis: getattr(tl, f"arg{name}")(b, a), x)
            assert np.array_equal(alone, places)


def test_of_nothing_but_nan_the_first_place_is_told(rig):
    x = np.full((2, 8), np.nan, np.float32)
    x[1, 5] = -np.inf
    assert computed(rig, lambda b: tl.argmax(b, 1), x).tolist() == [0, 5]
    assert np.isnan(computed(rig, lambda b: tl.max(b, 1), x)[0])


@pytest.mark.parametrize("function", [tl.sum, tl.max, tl.xor_sum])
def test_kept_axes_have_one_element(rig, function):
    x = drawn((4, 2, 8), np.int32)
    for axis, shape in ((None, (1, 1, 1)), (0, (1, 2, 8)), (-1, (4, 2, 1))):
        assert computed(rig, lambda b, a=axis: function(b, a, keep_dims=True), x).shape == shape


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.int64])
def test_bits_are_folded_exactly(rig, kind):
    x = drawn((8, 16), kind)
    assert np.array_equal(computed(rig, lambda b: tl.xor_sum(b, 0), x), np.bitwise_xor.reduce(x, 0))
    assert np.array_equal(computed(rig, lambda b: tl.reduce_or(b, 1), x), np.bitwise_or.reduce(x, 1))


def test_reduce_folds_with_a_function_of_the_kernel(rig):
    x = drawn((8, 16), np.float32)
    product = computed(rig, lambda b: tl.reduce(b, 1, lambda a, c: a * c), np.abs(x) + 0.5)
    np.testing.assert_allclose(product, np.prod(np.abs(x) + 0.5, axis=1), rtol=1e-6)
    assert computed(rig, lambda b: tl.reduce(b, None, tl.maximum), x) == x.max()
    assert computed(rig, lambda b: tl.reduce(b, 0, tl.minimum, keep_dims=True), x).shape == (1, 16)


def welford(mean_1, m2_1, weight_1, mean_2, m2_2, weight_2):
    delta = mean_2 - mean_1
    weight = weight_1 + weight_2
    ratio = tl.where(weight == 0.0, 0.0, weight_2 / weight)
    return mean_1 + delta * ratio, m2_1 + m2_2 + delta * delta * weight_1 * ratio, weight


def test_reduce_folds_several_blocks_together(rig):
    x = drawn((8, 16), np.float32)

    def moments(b):
        return tl.reduce((b, tl.zeros_like(b), tl.full(b.shape, 1, tl.float32)), 1, welford)

    mean, m2, weight = computed(rig, moments, x, outs=3)
    np.testing.assert_allclose(mean, x.mean(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(m2 / weight, x.var(1), rtol=1e-5)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int32, np.int8])
@pytest.mark.parametrize("shape", SHAPES)
def test_running_sums_and_products_equal_numpys(rig, shape, kind):
    x = drawn(shape, kind)
    result = np.dtype(kind) if by_numpy(kind).is_floating() else wide(kind)
    for axis in range(-1, len(shape)):
        with np.errstate(all="ignore"):
            running = np.cumsum(x, axis, dtype=wide(kind)).astype(result)
            backward = np.flip(np.cumsum(np.flip(x, axis), axis, dtype=wide(kind)), axis).astype(result)
            product = np.cumprod(x, axis, dtype=wide(kind) if result.kind == "f" else kind).astype(kind)
        assert np.array_equal(computed(rig, lambda b, a=axis: tl.cumsum(b, a), x), running)
        assert np.array_equal(computed(rig, lambda b, a=axis: tl.cumsum(b, a, reverse=True), x), backward)
        assert np.array_equal(computed(rig, lambda b, a=axis: tl.cumprod(b, a), x), product)


def test_a_scan_with_a_function_of_the_kernel_equals_its_recurrence(rig):
    """y[t] = a[t] y[t - 1] + x[t]."""

    def linear(a_1, x_1, a_2, x_2):
        return a_1 * a_2, x_1 * a_2 + x_2

    a, x = drawn((4, 16), np.float32, 1) / 2, drawn((4, 16), np.float32, 2)
    for reverse in (False, True):
        _, found = computed(
            rig, lambda p, q, r=reverse: tl.associative_scan((p, q), 1, linear, reverse=r), a, x, outs=2
        )
        turned = (lambda array: array[:, ::-1]) if reverse else (lambda array: array)
        state, expected = np.zeros(4, np.float32), []
        for t in range(16):
            state = turned(a)[:, t] * state + turned(x)[:, t]
            expected.append(state)
        np.testing.assert_allclose(turned(found), np.stack(expected, 1), rtol=1e-5, atol=1e-5)
    least = computed(rig, lambda b: tl.associative_scan(b, 0, tl.minimum), x)
    assert np.array_equal(least, np.minimum.accumulate(x, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sort_equals_numpys_with_nan_last(rig, kind):
    for shape in SHAPES:
        x = drawn(shape, kind, special=by_numpy(kind).is_floating() and shape != (1, 32))
        wanted = np.sort(x.astype(np.float64), axis=-1)
        assert np.array_equal(computed(rig, tl.sort, x).astype(np.float64), wanted, equal_nan=True)
        down = computed(rig, functools.partial(tl.sort, descending=True), x)
        assert np.array_equal(down.astype(np.float64), wanted[..., ::-1], equal_nan=True)
        most = computed(rig, functools.partial(tl.topk, k=4), x)
        assert np.array_equal(most.astype(np.float64), wanted[..., ::-1][..., :4], equal_nan=True)


def test_a_histogram_counts_what_its_bins_and_mask_hold(rig):
    x = drawn((64,), np.int32)
    bins = np.array([(x == value).sum() for value in range(16)])
    assert np.array_equal(computed(rig, lambda b: tl.histogram(b, 16), x), bins)
    even = np.array([((x == value) & (np.arange(64) % 2 == 0)).sum() for value in range(16)])
    assert np.array_equal(computed(rig, lambda b: tl.histogram(b, 16, mask=tl.arange(0, 64) % 2 == 0), x), even)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_softmax_sums_to_one_and_equals_numpys(rig, axis):
    x = drawn((8, 16), np.float32)
    powers = np.exp(x - x.max(axis, keepdims=True))
    found = computed(rig, lambda b: tl.softmax(b, axis), x)
    np.testing.assert_allclose(found, powers / powers.sum(axis, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (lambda b: tl.sum(b, 2), "tl.sum: axis 2 of a block of 2 axes"),
        (lambda b: tl.xor_sum(b, 0), "tl.xor_sum takes integers, got float32"),
        (lambda b: tl.sort(b, 0), "sorts along the last axis"),
        (lambda b: tl.histogram(b, 4), "tl.histogram counts integers along one axis"),
        (lambda b: tl.sum(3.5), "tl.sum takes a block, got 3.5"),
        (lambda b: tl.topk(b, 99), "k is 99, the axis has 16 elements"),
    ],
)
def test_a_wrong_reduction_is_named(rig, statement, message):
    with pytest.raises(KernelError, match=message):
        computed(rig, statement, drawn((8, 16), np.float32))


def test_the_functions_that_tritons_own_reductions_fold_with_have_their_names(rig):
    def kernel(x, out):
        i = tl.arange(0, 8)
        block = tl.load(x + i)
        for row, name in enumerate(
            ("_sum_combine", "_xor_combine", "_or_combine", "_elementwise_max", "_prod_combine")
        ):
            tl.store(out + 8 * row + i, tl.associative_scan(block, 0, getattr(tl.standard, name)))

    x = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.int32)
    device = rig()
    out = device.tensor(np.zeros(40, np.int32))
    device.launch(kernel, 1, device.tensor(x), out)
    folds = (np.add, np.bitwise_xor, np.bitwise_or, np.maximum, np.multiply)
    assert out.numpy().reshape(5, 8).tolist() == [fold.accumulate(x).tolist() for fold in folds]


@pytest.mark.parametrize("fold", [tl.reduce, tl.associative_scan])
def test_what_does_not_combine_is_an_error_that_says_how_many(rig, fold):
    def short(x):
        fold((x, x), 0, lambda a, b, c, d: a + b + c + d)

    def uneven(x):
        fold((x, tl.arange(0, 4)), 0, lambda a, b, c, d: (a + c, b + d))

    for function, message in ((short, "combine_fn returned 1 blocks of 2"), (uneven, r"shapes \[\[8\], \[4\]\]")):
        device = rig()
        with pytest.raises(KernelError, match=f"tl.{fold.__name__}: .*{message}"):
            device.launch(
                lambda x, f=function: f(tl.load(x + tl.arange(0, 8))), 1, device.tensor(np.ones(8, np.float32))
            )
