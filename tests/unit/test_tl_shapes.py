"""Shapes and products of blocks against numpy, known and computed blocks alike."""

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl

X = np.arange(64, dtype=np.int32).reshape(4, 16)


def computed(rig, function, *arrays, kind=None, values=True, size=4096):
    """What `function` makes of 2-d blocks; a known block takes the place of the first when there is no array."""
    shape = []

    def kernel(a, b, out):
        blocks = []
        for pointer, array in zip((a, b), arrays, strict=False):
            rows, columns = tl.arange(0, array.shape[0]), tl.arange(0, array.shape[1])
            blocks.append(tl.load(pointer + rows[:, None] * array.shape[1] + columns[None, :]))
        if not blocks:
            blocks.append(tl.arange(0, 4)[:, None] * 16 + tl.arange(0, 16)[None, :])
        result = function(*blocks)
        shape.append(tuple(result.shape))
        tl.store(out + tl.arange(0, result.numel), tl.ravel(result))

    device = rig(values=values)
    sample = arrays[0] if arrays else X
    out = device.tensor(np.zeros(size, kind or sample.dtype))
    device.launch(kernel, 1, device.tensor(sample), device.tensor(arrays[-1] if arrays else X), out)
    return out.numpy()[: int(np.prod(shape[0]))].reshape(shape[0])


VIEWS = {
    "trans": (tl.trans, lambda x: x.T),
    "T": (lambda b: b.T, lambda x: x.T),
    "permute": (lambda b: tl.permute(tl.reshape(b, (2, 8, 4)), (2, 0, 1)), lambda x: x.reshape(2, 8, 4).transpose(2, 0, 1)),
    "permuted by a method": (lambda b: b.reshape(2, 8, 4).permute(1, 2, 0), lambda x: x.reshape(2, 8, 4).transpose(1, 2, 0)),
    "reshape": (lambda b: tl.reshape(b, 8, 8), lambda x: x.reshape(8, 8)),
    "view": (lambda b: tl.view(b, [32, 2]), lambda x: x.reshape(32, 2)),
    "viewed by a method": (lambda b: b.view(8, 8).view([2, 32]), lambda x: x.reshape(2, 32)),
    "ravel": (tl.ravel, lambda x: x.reshape(-1)),
    "expand_dims": (lambda b: tl.expand_dims(b, (0, -1)), lambda x: x[None, :, :, None]),
    "brackets": (lambda b: b[:, None, :], lambda x: x[:, None, :]),
    "squeeze": (lambda b: tl.squeeze(tl.unsqueeze(b, 1), 1), lambda x: x),
    "broadcast_to": (lambda b: tl.broadcast_to(b[None], 2, 4, 16), lambda x: np.broadcast_to(x, (2, 4, 16))),
    "broadcast": (lambda b: tl.broadcast(b[None], tl.zeros((2, 1, 1), tl.int32))[0], lambda x: np.broadcast_to(x, (2, 4, 16))),
    "join": (lambda b: tl.join(b, b + 1), lambda x: np.stack((x, x + 1), -1)),
    "split": (lambda b: tl.split(b.reshape(4, 8, 2))[1], lambda x: x.reshape(4, 8, 2)[..., 1]),
    "interleave": (lambda b: tl.interleave(b, -b), lambda x: np.stack((x, -x), -1).reshape(4, 32)),
    "cat": (lambda b: tl.cat(b, b * 2, can_reorder=True), lambda x: np.concatenate((x, x * 2))),
    "cat along the last": (lambda b: tl.cat(b, b * 2, dim=1), lambda x: np.concatenate((x, x * 2), 1)),
    "flip": (tl.flip, lambda x: x[:, ::-1]),
    "flip of an axis": (lambda b: tl.flip(b, 0), lambda x: x[::-1]),
    "join of a split": (lambda b: tl.join(*tl.split(b.reshape(8, 4, 2))), lambda x: x.reshape(8, 4, 2)),
    "reshape of a transpose": (lambda b: b.T.reshape(4, 16), lambda x: x.T.reshape(4, 16)),
    "swizzle2d": (lambda b: tl.swizzle2d(b // 16, b % 16, 4, 16, 2)[0], lambda x: swizzled(x)[0]),
    "swizzled columns": (lambda b: tl.swizzle2d(b // 16, b % 16, 4, 16, 2)[1], lambda x: swizzled(x)[1]),
}  # fmt: skip


def swizzled(x):
    """Within each pair of rows, columns are walked one after another."""
    rows, columns = x // 16 * 0, x // 16 * 0
    for place in range(64):
        group, within = divmod(place, 32)
        rows.flat[place], columns.flat[place] = 2 * group + within % 2, within // 2
    return rows, columns


@pytest.mark.parametrize("name", VIEWS)
def test_a_shape_function_equals_numpys_on_computed_and_on_known_blocks(rig, name):
    function, reference = VIEWS[name]
    expected = reference(X)
    assert np.array_equal(computed(rig, function, X), expected)
    assert np.array_equal(computed(rig, function), expected)


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "broadcast"])
def test_shape_functions_of_known_blocks_address_memory_without_values(rig, name):
    function, _ = VIEWS[name]

    def kernel(x):
        tl.load(x + (function(tl.arange(0, 4)[:, None] * 16 + tl.arange(0, 16)[None, :]) + 64) % 64)

    device = rig(values=False)
    device.launch(kernel, 1, device.tensor(np.zeros(64, np.float32)))


def test_a_gather_takes_elements_along_an_axis(rig):
    picks = np.random.default_rng(1).integers(0, 4, (8, 16)).astype(np.int32)
    found = computed(rig, lambda source, index: tl.gather(source, index, 0), X, picks)
    assert np.array_equal(found, np.take_along_axis(X, picks, 0))
    with pytest.raises(KernelError, match=r"tl\.gather: index 7 of an axis of 4 elements"):
        computed(rig, lambda source, index: tl.gather(source, index, 0), X, np.full((8, 16), 7, np.int32))


def test_what_fails_when_it_is_computed_names_the_kernel(rig):
    def picking(out):
        i = tl.arange(0, 4)
        tl.store(out + i, tl.gather(i, i + 1, 0))

    device = rig()
    with pytest.raises(KernelError, match=r"^picking: IndexError: tl\.gather: index 4 of an axis of 4 elements"):
        device.launch(picking, 1, device.tensor(np.zeros(4, np.int32)))


@pytest.mark.parametrize(
    "kind", [np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, np.float32]
)
def test_products_of_every_float_accumulate_in_float32(rig, kind):
    rng = np.random.default_rng(2)
    a, b = (rng.integers(-3, 4, shape).astype(np.float32).astype(kind) for shape in ((16, 32), (32, 64)))
    exact = a.astype(np.float32) @ b.astype(np.float32)
    assert np.array_equal(computed(rig, tl.dot, a, b, kind=np.float32), exact)
    plus = computed(rig, lambda x, y: tl.dot(x, y, tl.full((16, 64), 2, tl.float32)), a, b, kind=np.float32)
    assert np.array_equal(plus, exact + 2)
    half = computed(rig, lambda x, y: tl.dot(x, y, out_dtype=tl.float16, allow_tf32=False), a, b, kind=np.float16)
    assert np.array_equal(half, exact.astype(np.float16))
    turned = computed(rig, lambda x, y: tl.dot(y.T, tl.trans(x), input_precision="ieee"), a, b, kind=np.float32)
    assert np.array_equal(turned, exact.T)


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_products_of_bytes_are_exact_and_wrap_at_32_bits(rig, kind):
    rng = np.random.default_rng(3)
    limits = np.iinfo(kind)
    a, b = (rng.integers(limits.min, limits.max, shape, kind, endpoint=True) for shape in ((16, 128), (128, 16)))
    found = computed(rig, lambda x, y: tl.dot(x, y, tl.full((16, 16), 2**31 - 1, tl.int32)), a, b, kind=np.int32)
    assert np.array_equal(found, (a.astype(np.int64) @ b.astype(np.int64) + 2**31 - 1).astype(np.int32))


def test_a_batch_of_products_takes_its_time_as_often(rig):
    rng = np.random.default_rng(4)
    a, b = (rng.integers(-3, 4, (32, 16)).astype(np.float32) for _ in range(2))

    def batched(x, y):
        return tl.dot(x.reshape(2, 16, 16), y.reshape(2, 16, 16))

    found = computed(rig, batched, a, b)
    assert np.array_equal(found, a.reshape(2, 16, 16) @ b.reshape(2, 16, 16))

    def kernel(batch: tl.constexpr):
        tl.dot(tl.zeros((batch, 16, 16), tl.float32), tl.zeros((batch, 16, 16), tl.float32))

    # Two batches more take two products more, and 2 x 2 x 4 cycles for their zeros.
    times = [rig().launch(kernel, 1, batch=batch) for batch in (2, 4, 6)]
    assert times[2] - times[1] == times[1] - times[0]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (lambda b: tl.reshape(b, 4, 4), "differ in their number of elements"),
        (lambda b: tl.permute(b, 0, 0), "does not name each axis"),
        (lambda b: tl.squeeze(b, 0), "has more than one element"),
        (tl.split, "takes a last axis of two elements"),
        (lambda b: tl.cat(b, b.T), "differ beside axis 0"),
        (lambda b: b[0], "takes `:` and None between brackets"),
        (lambda b: tl.dot(b, b), "do not multiply"),
        (lambda b: tl.dot(b, 3), "other is a block of two axes"),
        (lambda b: tl.trans(tl.ravel(b)), "exchanges two axes"),
        (lambda b: tl.full((4, 0), 1, tl.int32), "at least one element along each axis"),
    ],
)
def test_a_wrong_shape_is_named(rig, statement, message):
    with pytest.raises(KernelError, match=message):
        computed(rig, statement, X)


def test_a_scaled_product_multiplies_by_the_powers_of_its_groups(rig):
    rng = np.random.default_rng(5)
    a, b = (rng.standard_normal(shape).astype(ml_dtypes.float8_e4m3fn) for shape in ((32, 64), (64, 16)))
    scales = [rng.integers(120, 134, shape).astype(np.uint8) for shape in ((32, 2), (16, 2))]
    spread = [np.repeat(2.0 ** (scale.astype(np.float32) - 127), 32, 1) for scale in scales]
    exact = (a.astype(np.float32) * spread[0]) @ (b.astype(np.float32) * spread[1].T)

    def kernel(a, b, sa, sb, out):
        i, j, k, g = tl.arange(0, 32), tl.arange(0, 16), tl.arange(0, 64), tl.arange(0, 2)
        x, y = tl.load(a + i[:, None] * 64 + k[None, :]), tl.load(b + k[:, None] * 16 + j[None, :])
        u, v = tl.load(sa + i[:, None] * 2 + g[None, :]), tl.load(sb + j[:, None] * 2 + g[None, :])
        tl.store(out + i[:, None] * 16 + j[None, :], tl.dot_scaled(x, u, "e4m3", y, v, "e4m3"))

    device = rig()
    out = device.tensor(np.zeros((32, 16), np.float32))
    device.launch(kernel, 1, *[device.tensor(each) for each in (a, b, *scales)], out)
    np.testing.assert_allclose(out.numpy(), exact, rtol=1e-5)


def test_a_scaled_product_unpacks_two_elements_of_four_bits_a_byte(rig):
    rng = np.random.default_rng(6)
    values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
    left, right = rng.integers(0, 16, (16, 32)), rng.integers(0, 16, (32, 16))
    packed = (left[:, ::2] | left[:, 1::2] << 4).astype(np.uint8)
    packed_too = (right[::2] | right[1::2] << 4).astype(np.uint8)
    found = computed(
        rig, lambda x, y: tl.dot_scaled(x, None, "e2m1", y, None, "e2m1"), packed, packed_too, kind=np.float32
    )
    assert np.array_equal(found, values[left] @ values[right])


def test_a_0_d_tensor_takes_new_axes_wherever_whole_ones_may_stand(rig):
    """`n[:, None]` of a program's own number, beside blocks that have both axes."""

    def kernel(x, out):
        known, loaded = tl.program_id(0), tl.load(x + 3)
        for one in (known, loaded, x):
            tl.static_assert(one[:, None].shape == (1,))
            tl.static_assert(one[None, :].shape == (1,))
            tl.static_assert(one[None, None].shape == (1, 1))
        tl.store(out + known[:, None] * 4 + tl.arange(0, 4)[None, :], loaded[:, None] * tl.arange(0, 4)[None, :])

    device = rig()
    out = device.tensor(np.zeros(4, np.int32))
    device.launch(kernel, 1, device.tensor(np.arange(8, dtype=np.int32)), out)
    assert out.numpy().tolist() == [0, 3, 6, 9]
