"""Loads and stores: masks, block pointers, descriptors, casts of pointers, and the time of equal accesses."""

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import index
from kernbench.triton_emu import language as tl

M, N, K = 20, 24, 8
X = np.arange(M * N, dtype=np.float32).reshape(M, N)


def tile(rows, columns, fill=0.0):
    """Part of X, `fill` outside."""
    out = np.full((len(rows), len(columns)), fill, np.float32)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            if 0 <= row < M and 0 <= column < N:
                out[i, j] = X[row, column]
    return out


@pytest.mark.parametrize("padding", ["zero", "nan", ""])
@pytest.mark.parametrize("at", [(0, 0), (16, 0), (0, 16), (16, 16), (-4, -8)])
def test_a_block_pointer_reads_a_tile_and_pads_beyond_the_checked_bounds(rig, at, padding):
    def kernel(x, out, row, column):
        tile = tl.make_block_ptr(x, (M, N), (N, 1), (row, column), (8, 16), (1, 0))
        i = tl.arange(0, 8)[:, None] * 16 + tl.arange(0, 16)[None, :]
        tl.store(out + i, tl.load(tile, boundary_check=(0, 1), padding_option=padding))

    device = rig()
    out = device.tensor(np.zeros((8, 16), np.float32))
    device.launch(kernel, 1, device.tensor(X), out, *at)
    expected = tile(range(at[0], at[0] + 8), range(at[1], at[1] + 16), np.nan if padding == "nan" else 0.0)
    assert np.array_equal(out.numpy(), expected, equal_nan=True)


def test_an_advancing_block_pointer_writes_only_inside(rig):
    def kernel(x, out):
        source = tl.make_block_ptr(x, shape=(M, N), strides=(N, 1), offsets=(0, 0), block_shape=(8, 16), order=(1, 0))
        target = tl.make_block_ptr(out, (N, M), (M, 1), (0, 0), (16, 8), (0, 1))
        for _ in range(tl.cdiv(M, 8)):
            for _ in range(tl.cdiv(N, 16)):
                part = tl.load(source, boundary_check=(0, 1))
                tl.store(target, tl.trans(part), boundary_check=(0, 1))
                source, target = tl.advance(source, (0, 16)), target.advance((16, 0))
            source, target = source.advance((8, -32)), tl.advance(target, [-32, 8])

    device = rig()
    out = device.tensor(np.zeros((N, M), np.float32))
    device.launch(kernel, 1, device.tensor(X), out)
    assert np.array_equal(out.numpy(), X.T)


def test_an_unchecked_axis_that_reaches_outside_is_an_error_at_its_line(rig):
    def kernel(x):
        tl.load(tl.make_block_ptr(x, (M, N), (N, 1), (16, 0), (8, 16), (1, 0)), boundary_check=(1,))

    device = rig()
    with pytest.raises(KernelError, match=r"x\[567\] is outside the tensor: it has 480 elements"):
        device.launch(kernel, 1, device.tensor(X))


@pytest.mark.parametrize("at", [(0, 0), (16, 16), (-3, 5), (40, 0)])
def test_a_descriptor_loads_and_stores_tiles_within_its_tensor(rig, at):
    def kernel(x, out, row, column):
        source = tl.make_tensor_descriptor(x, shape=[M, N], strides=[N, 1], block_shape=[8, 16])
        target = tl.make_tensor_descriptor(out, [M, N], [N, 1], [8, 16])
        target.store([row, column], source.load([row, column]) + 1)
        assert (source.dtype, source.block_shape, source.block_type.shape) == (tl.float32, (8, 16), (8, 16))

    device = rig()
    out = device.tensor(np.zeros((M, N), np.float32))
    device.launch(kernel, 1, device.tensor(X), out, *at)
    expected = np.zeros((M, N), np.float32)
    rows, columns = (slice(max(at[axis], 0), max(at[axis] + size, 0)) for axis, size in ((0, 8), (1, 16)))
    expected[rows, columns] = X[rows, columns] + 1
    assert np.array_equal(out.numpy(), expected)


def test_a_descriptor_gathers_and_scatters_rows(rig):
    def kernel(x, picks, out):
        rows = tl.load(picks + tl.arange(0, 8))
        source = tl.make_tensor_descriptor(x, [M, N], [N, 1], [1, 16])
        target = tl.make_tensor_descriptor(out, [M, N], [N, 1], [1, 16])
        target.scatter(source.gather(rows, 8), rows, 8)

    device = rig()
    picks = np.array([3, 19, 0, 7, 8, 11, 2, 25], np.int32)  # the last is outside
    out = device.tensor(np.zeros((M, N), np.float32))
    device.launch(kernel, 1, device.tensor(X), device.tensor(picks), out)
    expected = np.zeros((M, N), np.float32)
    expected[picks[:-1], 8:] = X[picks[:-1], 8:]
    assert np.array_equal(out.numpy(), expected)


@pytest.mark.parametrize(
    "kind", [np.float32, np.float16, ml_dtypes.bfloat16, np.int8, np.uint32, np.bool_, ml_dtypes.float8_e5m2]
)
def test_lanes_beyond_a_mask_touch_no_memory_and_read_other(rig, kind):
    def kernel(x, out, n):
        i = tl.arange(0, 64)
        tl.store(out + i, tl.load(x + i, mask=i < n, other=1), mask=i < 64)
        tl.store(x + i, tl.load(out + i), mask=(i < n) & (i >= 4))

    device = rig()
    values = (np.arange(40) % 2).astype(kind)
    x, out = device.tensor(values), device.tensor(np.zeros(64, kind))
    device.launch(kernel, 1, x, out, 40)
    assert np.array_equal(out.numpy(), np.concatenate((values, np.ones(24, kind))))
    assert np.array_equal(x.numpy(), values)


def test_other_may_be_a_block_and_a_mask_may_come_from_data(rig):
    def kernel(x, out):
        i = tl.arange(0, 16)
        loaded = tl.load(x + i)
        tl.store(out + i, tl.load(x + i, mask=loaded > 5, other=-loaded))

    device = rig()
    values = np.arange(16, dtype=np.float32)
    out = device.tensor(np.zeros(16, np.float32))
    device.launch(kernel, 1, device.tensor(values), out)
    assert np.array_equal(out.numpy(), np.where(values > 5, values, -values))


def test_pointers_become_integers_and_come_back_from_a_table_in_memory(rig):
    def kernel(table, out, groups):
        for group in tl.range(groups):
            base = tl.load(table + group).to(tl.pointer_type(tl.float16))
            i = tl.arange(0, 16)
            assert base.dtype.element_ty == tl.float16
            tl.store(out + group * 16 + i, tl.load(base + i))

    device = rig()
    parts = [np.arange(16, dtype=np.float16) + 100 * number for number in range(3)]
    addresses = np.array([device.tensor(part).address for part in parts], np.int64)
    out = device.tensor(np.zeros((3, 16), np.float16))
    device.launch(kernel, 1, device.tensor(addresses), out, 3)
    assert np.array_equal(out.numpy(), np.stack(parts))


def test_a_pointer_cast_sees_the_same_bytes_as_another_type(rig):
    def kernel(x, out):
        i = tl.arange(0, 32)
        halves = x.to(tl.pointer_type(tl.int16))
        tl.store(out + i, tl.load(halves + i))
        tl.store(out + 32 + i, tl.load((x.to(tl.int64) + 2 * i).to(tl.pointer_type(tl.int16))))
        tl.store(out + 64 + i, tl.load((x + 2).cast(tl.pointer_type(tl.int16), bitcast=True) + i % 4))

    device = rig()
    x = np.random.default_rng(1).standard_normal(16).astype(np.float32)
    out = device.tensor(np.zeros(96, np.int16))
    device.launch(kernel, 1, device.tensor(x), out)
    found, raw = out.numpy(), x.view(np.int16)
    assert np.array_equal(found, np.concatenate((raw, raw, np.tile(raw[4:8], 8))))


def test_types_of_pointers_and_blocks_answer_as_tritons(rig):
    seen = {}

    def kernel(x):
        block = tl.load(x + tl.arange(0, 16))
        pointers = x + tl.arange(0, 16)
        seen.update(
            element=x.dtype.element_ty, is_ptr=x.dtype.is_ptr(), kind=x.type.element_ty, inner=pointers.type.scalar.element_ty,
            shape=block.type.shape, scalar=block.type.scalar, bits=block.dtype.primitive_bitwidth, count=block.numel,
            block=block.type.is_block(), one=tl.sum(block).type, core=tl.core.float32, tensor=[isinstance(each, tl.tensor) for each in (block, x, tl.program_id(0), 3)],
            half=block.to(x.dtype.element_ty).dtype, same=block.dtype == tl.float32, total=block.sum(0).shape,
        )  # fmt: skip

    device = rig()
    device.launch(kernel, 1, device.tensor(np.zeros(16, np.float32)))
    assert seen == {
        "element": tl.float32, "is_ptr": True, "kind": tl.float32, "inner": tl.float32, "shape": (16,), "scalar": tl.float32,
        "bits": 32, "count": 16, "block": True, "one": tl.float32, "core": tl.float32, "tensor": [True, True, True, False], "half": tl.float32,
        "same": True, "total": (),
    }  # fmt: skip


def strided(x, out, rows, columns, step, BLOCK: tl.constexpr):
    """Tiles of a strided matrix with masked edges, moved by pointer arithmetic, folded and stored."""
    i, j = tl.arange(0, BLOCK), tl.arange(0, 2 * BLOCK)
    pointers = x + i[:, None] * step + j[None, :]
    total = tl.zeros((BLOCK, 2 * BLOCK), tl.float32)
    for start in range(0, rows, BLOCK):
        mask = (start + i[:, None] < rows) & (j[None, :] < columns)
        part = tl.load(pointers, mask=mask, other=0.0)
        tl.store(out + (start + i[:, None]) * columns + j[None, :], part * 2, mask=mask)
        total += part
        pointers += BLOCK * step
    tl.store(out + rows * columns + (i[:, None] * 2 * BLOCK + j[None, :]), total)


@pytest.mark.parametrize(("rows", "columns", "step"), [(16, 16, 16), (13, 11, 24), (30, 16, 17), (5, 9, 40)])
def test_affine_and_explicit_indices_give_the_same_values_and_the_same_time(rig, monkeypatch, rows, columns, step):
    def run():
        device = rig()
        x = np.random.default_rng(rows).standard_normal((rows, step)).astype(np.float32)
        out = device.tensor(np.zeros(rows * columns + 128, np.float32))
        took = device.launch(strided, 1, device.tensor(x), out, rows, columns, step, BLOCK=8)
        return took, out.numpy().tobytes()

    affine = run()
    monkeypatch.setattr(index, "_SYMBOLIC", {})
    monkeypatch.setattr(index, "_BY_SCALAR", {})
    assert run() == affine


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (lambda x: tl.load(3), "tl.load takes a pointer"),
        (lambda x: tl.load(x, boundary_check=(0,)), "are for block pointers; use mask and other"),
        (lambda x: tl.load(tl.make_block_ptr(x, (8,), (1,), (0,), (8,), (0,)), mask=True), "takes boundary_check and padding_option"),
        (lambda x: tl.load(tl.make_block_ptr(x, (8,), (1,), (0,), (8,), (0,)), (), None, (3,)), "boundary_check"),
        (lambda x: tl.make_block_ptr(x, (8, 8), (1,), (0,), (8,), (0,)), "2 numbers for 1 axes"),
        (lambda x: tl.make_block_ptr(x, (8,), (1,), (0,), (8,), (1, 0)), "names 2 axes of 1"),
        (lambda x: tl.make_tensor_descriptor(x, [4, 2], [2, 2], [4, 2]), "the last stride is 1, got 2"),
        (lambda x: tl.load(x + tl.arange(0, 8), mask=tl.arange(0, 8)), "a mask is a block of int1, got one of int32"),
        (lambda x: tl.load(x, padding_option="wrap"), "padding_option"),
        (lambda x: tl.load((x.to(tl.int64) + 1).to(tl.pointer_type(tl.float32))), "an address is no multiple of 4 bytes"),
        (lambda x: tl.atomic_add(x, 1.0, sem="seq_cst"), "sem is one of acq_rel, acquire, release, relaxed"),
        (lambda x: tl.atomic_xor(x, 1), "tl.atomic_xor does not work on elements of float32"),
        (lambda x: tl.atomic_add(x + 8, 1.0), r"x\[8\] is outside the tensor"),
    ],
)  # fmt: skip
def test_a_wrong_access_is_named(rig, statement, message):
    def kernel(x):
        statement(x)

    device = rig()
    with pytest.raises(KernelError, match=message) as caught:
        device.launch(kernel, 1, device.tensor(np.zeros(8, np.float32)))
    assert caught.value.where.startswith(__file__)
