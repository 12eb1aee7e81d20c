"""What each word of the language computes, against numpy."""

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl


def test_a_masked_vector_addition_equals_numpy(rig):
    def add(x, y, out, n, block: tl.constexpr):
        offs = tl.program_id(0) * block + tl.arange(0, block)
        mask = offs < n
        tl.store(out + offs, tl.load(x + offs, mask=mask) + tl.load(y + offs, mask=mask), mask=mask)

    device = rig(pes=2)
    a, b = np.arange(1000, dtype=np.float32), np.full(1000, 0.5, np.float32)
    x, y, out = device.tensor(a), device.tensor(b), device.tensor(np.zeros(1000, np.float32))
    device.launch(add, (4,), x, y, out, 1000, block=256)
    assert np.array_equal(out.numpy(), a + b)


def test_a_tiled_matrix_product_equals_numpy(rig):
    def matmul(a, b, c, m, n, k, block: tl.constexpr):
        rows = tl.program_id(0) * block + tl.arange(0, block)
        columns = tl.program_id(1) * block + tl.arange(0, block)
        inner = tl.arange(0, block)
        a_ptrs = a + rows[:, None] * k + inner[None, :]
        b_ptrs = b + inner[:, None] * n + columns[None, :]
        acc = tl.zeros((block, block), dtype=tl.float32)
        for start in range(0, k, block):
            x = tl.load(a_ptrs, mask=(rows[:, None] < m) & (start + inner[None, :] < k), other=0.0)
            y = tl.load(b_ptrs, mask=(start + inner[:, None] < k) & (columns[None, :] < n), other=0.0)
            acc = tl.dot(x, y, acc)
            a_ptrs += block
            b_ptrs += block * n
        tl.store(c + rows[:, None] * n + columns[None, :], acc, mask=(rows[:, None] < m) & (columns[None, :] < n))

    device = rig(pes=2)
    rng = np.random.default_rng(1)
    a = rng.integers(-4, 5, (50, 70)).astype(np.float16)
    b = rng.integers(-4, 5, (70, 33)).astype(np.float16)
    out = device.tensor(np.zeros((50, 33), np.float16))
    device.launch(matmul, (4, 3), device.tensor(a), device.tensor(b), out, 50, 33, 70, block=16)
    assert np.array_equal(out.numpy(), (a.astype(np.float32) @ b.astype(np.float32)).astype(np.float16))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda x, i: x * 2 - 1, lambda x, i: x * 2 - 1),
        (lambda x, i: 1 / (x + 2), lambda x, i: 1 / (x + 2)),
        (lambda x, i: tl.maximum(x, 3.5) + tl.minimum(x, 2), lambda x, i: np.maximum(x, 3.5) + np.minimum(x, 2)),
        (lambda x, i: tl.where(i % 2 == 0, x, -x), lambda x, i: np.where(i % 2 == 0, x, -x)),
        (lambda x, i: (x + i).to(tl.float32), lambda x, i: x + i),
        (lambda x, i: tl.sqrt(tl.abs(x)), lambda x, i: np.sqrt(np.abs(x))),
        (lambda x, i: x + tl.sum(x), lambda x, i: x + x.sum()),
        (lambda x, i: x + tl.max(x, 0) - tl.min(x, axis=0), lambda x, i: x + x.max() - x.min()),
        (lambda x, i: ((x > 3) & (i < 6)).to(tl.float32), lambda x, i: ((x > 3) & (i < 6))),
        (lambda x, i: x * tl.full((8,), 3, tl.float32), lambda x, i: x * 3),
        (lambda x, i: tl.sum(tl.dot(tl.broadcast_to(x[:, None], (8, 8)), tl.broadcast_to(x, (8, 8)).T), 1),
         lambda x, i: 8 * x * x.sum()),
        (lambda x, i: tl.exp(x * 0), lambda x, i: np.ones(8)),
        (lambda x, i: x if x.to(tl.int32).dtype == tl.int32 else None, lambda x, i: x),
    ],
)  # fmt: skip
def test_an_expression_equals_numpys(rig, expression, expected):
    def kernel(x, out):
        i = tl.arange(0, 8)
        tl.store(out + i, expression(tl.load(x + i), i))

    device = rig()
    x = np.arange(8, dtype=np.float32)
    out = device.tensor(np.zeros(8, np.float32))
    device.launch(kernel, 1, device.tensor(x), out)
    assert np.array_equal(out.numpy(), expected(x, np.arange(8)).astype(np.float32))


def test_integer_division_truncates_toward_zero_and_integers_wrap(rig):
    def kernel(x, out):
        i = tl.arange(0, 4)
        x = tl.load(x + i)
        tl.store(out + i, x // 3)
        tl.store(out + 4 + i, x % 3)
        tl.store(out + 8 + i, x * 100)

    device = rig()
    out = device.tensor(np.zeros(12, np.int8))
    device.launch(kernel, 1, device.tensor(np.array([-7, 7, -2, 127], np.int8)), out)
    assert out.numpy().tolist() == [-2, 2, 0, 42, -1, 1, -2, 1, 68, -68, 56, -100]


def test_bfloat16_rounds_to_nearest_even(rig):
    def kernel(x, out):
        i = tl.arange(0, 4)
        tl.store(out + i, tl.load(x + i, mask=i < 3).to(tl.bfloat16), mask=i < 3)

    device = rig()
    values = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20], np.float32)
    out = device.tensor(np.zeros(3, ml_dtypes.bfloat16))
    device.launch(kernel, 1, device.tensor(values), out)
    assert out.numpy().astype(np.float32).tolist() == [1.0, 1 + 2**-6, 1 + 2**-7]


def test_a_sum_of_random_floats_is_the_declared_halving_tree_bit_for_bit(rig):
    def kernel(x, out):
        tl.store(out, tl.sum(tl.load(x + tl.arange(0, 16))))

    device = rig()
    x = np.random.default_rng(3).standard_normal(16).astype(np.float32)
    out = device.tensor(np.zeros(1, np.float32))
    device.launch(kernel, 1, device.tensor(x), out)
    tree = list(x)
    while len(tree) > 1:
        half = len(tree) // 2
        tree = [tree[i] + tree[half + i] for i in range(half)] + tree[2 * half :]
    assert out.numpy()[0] == tree[0]


def test_a_gather_through_loaded_indices_equals_numpy(rig):
    def kernel(table, indices, out):
        i = tl.arange(0, 8)
        tl.store(out + i, tl.load(table + tl.load(indices + i, mask=i < 6)), mask=i < 6)

    device = rig()
    table, picks = np.arange(100, 116, dtype=np.int32), np.array([3, 3, 0, 15, 7, 8], np.int64)
    out = device.tensor(np.zeros(6, np.int32))
    device.launch(kernel, 1, device.tensor(table), device.tensor(picks), out)
    assert out.numpy().tolist() == table[picks].tolist()


def test_a_branch_on_data_takes_the_side_of_the_data(rig):
    def kernel(x, out):
        if tl.load(x) > 4:
            tl.store(out, 1)
        else:
            tl.store(out, 2)

    device = rig()
    out = device.tensor(np.zeros(1, np.int32))
    device.launch(kernel, 1, device.tensor(np.array([5.0], np.float32)), out)
    assert out.numpy()[0] == 1


def test_the_first_count_elements_travel_and_the_rest_arrive_as_zeros(rig):
    def kernel(x, out):
        i = tl.arange(0, 8)
        tl.send(tl.load(x + i), to="loop", count=5)
        tl.store(out + i, tl.recv((8,), tl.float32, from_="loop"))

    device = rig()
    out = device.tensor(np.ones(8, np.float32))
    device.launch(kernel, 1, device.tensor(np.arange(1, 9, dtype=np.float32)), out)
    assert out.numpy().tolist() == [1, 2, 3, 4, 5, 0, 0, 0]


def test_an_access_outside_its_tensor_names_kernel_program_line_tensor_and_index(rig):
    def reader(x):
        tl.load(x + tl.program_id(0) * 8 + tl.arange(0, 8))

    device = rig()
    with pytest.raises(KernelError) as caught:
        device.launch(reader, 2, device.tensor(np.zeros(12, np.float32)))
    assert caught.value.message == (
        "program 1 of reader: x[15] is outside the tensor: it has 12 elements of float32; mask the access"
    )
    assert caught.value.where == f"{__file__}:{reader.__code__.co_firstlineno + 1}"


def test_an_unknown_name_lists_what_exists(rig):
    def kernel():
        tl.wgmma()

    with pytest.raises(KernelError, match=r"tl\.wgmma does not exist here; `kernbench list tl` prints what there is"):
        rig().launch(kernel, 1)


def test_a_gpus_assembly_is_refused_with_what_to_use_instead(rig):
    def kernel():
        tl.inline_asm_elementwise("mov.u32 $0, $1;", "=r,r", [1], tl.int32, is_pure=True, pack=1)

    with pytest.raises(
        KernelError, match=r"tl\.inline_asm_elementwise does not exist here; a GPU's assembly cannot run"
    ):
        rig().launch(kernel, 1)


def test_tuples_have_tritons_name_too():
    assert tl.tuple([1, 2]) == (1, 2)
    assert isinstance((1, 2), tl.tuple)


def test_a_branch_without_values_is_an_error_at_its_line(rig):
    def kernel(x):
        if tl.load(x) > 0:
            pass

    device = rig(values=False)
    with pytest.raises(KernelError, match="needs this value") as caught:
        device.launch(kernel, 1, device.tensor(np.zeros(1, np.float32)))
    assert caught.value.where.endswith(f":{kernel.__code__.co_firstlineno + 1}")


def test_shapes_that_do_not_broadcast_are_an_error_with_both(rig):
    def kernel():
        tl.zeros((3,), tl.float32) + tl.zeros((4,), tl.float32)

    with pytest.raises(KernelError, match=r"shapes \[3\] and \[4\]"):
        rig().launch(kernel, 1)
