"""Which bytes a block of pointers touches: the symbolic form and the list of elements agree."""

import random

import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu.access import PointerArg, resolve
from kernbench.triton_emu.dtype import float16
from kernbench.triton_emu.index import Index, Mask, combine

TENSOR = PointerArg("x", 4096, 2 * 100_000, float16)


def cases():
    choose = random.Random(7)
    for _ in range(300):
        shape = tuple(choose.choice((1, 2, 3, 4, 8)) for _ in range(choose.choice((1, 2, 3))))
        strides = tuple(choose.choice((0, 1, 2, 3, 4, 5, 7, 8, 32, 64, -3)) for _ in shape)
        box = []
        for size in shape:
            low = choose.randrange(size) if choose.random() < 0.3 else 0
            box.append((low, choose.randint(low, size) if choose.random() < 0.3 else size))
        yield Index(shape, choose.randint(100, 900), strides), Mask(shape, tuple(box))


@pytest.mark.parametrize("writing", [False, True])
def test_an_affine_access_equals_the_same_access_element_by_element(writing):
    for index, mask in cases():
        symbolic = resolve(TENSOR, index, mask, writing=writing)
        listed = resolve(TENSOR, Index.explicit(index.values()), Mask.explicit(mask.values()), writing=writing)
        if listed is None:
            assert symbolic is None
            continue
        assert (symbolic.runs, symbolic.nbytes) == (listed.runs, listed.nbytes)
        flat = np.arange(listed.nbytes // 2, dtype=np.int16)
        assert np.array_equal(symbolic.spread(flat, -1), listed.spread(flat, -1))
        if writing:
            block = np.arange(np.prod(index.shape)).reshape(index.shape)
            assert np.array_equal(symbolic.gather(block), listed.gather(block))


def test_runs_are_merged_ascending_and_disjoint():
    rows = combine("*", Index((8, 1), 0, (1, 0)), Index.constant(64))
    tile = combine("+", rows, Index((1, 16), 0, (0, 1)))
    access = resolve(TENSOR, tile, None, writing=False)
    assert access.runs == tuple((4096 + 128 * row, 32) for row in range(8))


def test_whole_rows_merge_into_one_run():
    rows = combine("*", Index((8, 1), 0, (1, 0)), Index.constant(16))
    access = resolve(TENSOR, combine("+", rows, Index((1, 16), 0, (0, 1))), None, writing=False)
    assert access.runs == ((4096, 256),)


@pytest.mark.parametrize("writing", [False, True])
def test_elements_apart_whose_rows_touch_merge_there(writing):
    """0 3 6, 7 10 13: 6 and 7 are one run, as banks see it."""
    access = resolve(TENSOR, Index((2, 3), 0, (7, 3)), None, writing=writing)
    assert access.runs == ((4096, 2), (4102, 2), (4108, 4), (4116, 2), (4122, 2))


@pytest.mark.parametrize("name", ["+", "-", "*", "//", "%", "<", "<=", ">", ">=", "==", "!=", "maximum"])
def test_arithmetic_on_known_blocks_equals_numpys(name):
    functions = {
        "+": np.add, "-": np.subtract, "*": np.multiply, "//": np.floor_divide, "%": np.fmod, "<": np.less,
        "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
        "maximum": np.maximum,
    }  # fmt: skip
    choose = random.Random(5)
    for _ in range(100):
        left = Index((choose.choice((1, 4)), 8), choose.randint(0, 40), (choose.randint(0, 9), choose.randint(0, 3)))
        right = choose.choice((Index.constant(choose.randint(1, 50)), Index((8,), choose.randint(1, 30), (1,))))
        found = combine(name, left, right)
        assert np.array_equal(found.values(), functions[name](left.values(), right.values()))


def test_a_remainder_stays_affine_where_the_corners_prove_that_nothing_wraps():
    within = combine("%", Index((8,), 16, (1,)), Index.constant(24))
    wrapping = combine("%", Index((8,), 20, (1,)), Index.constant(24))
    assert (within.array, wrapping.values().tolist()) == (None, [20, 21, 22, 23, 0, 1, 2, 3])


def test_masks_of_two_axes_meet_in_a_box():
    rows = combine("<", Index((8, 1), 0, (1, 0)), Index.constant(5))
    columns = combine("<", Index((1, 4), 2, (0, 1)), Index.constant(4))
    assert combine("&", rows, columns).box == ((0, 5), (0, 2))


def test_the_least_and_the_first_address_outside_are_both_errors():
    with pytest.raises(KernelError, match=r"x\[-1\]"):
        resolve(TENSOR, Index((4,), -1, (1,)), None, writing=False)
    with pytest.raises(KernelError, match=r"x\[100000\]"):
        resolve(TENSOR, Index((4,), 99_997, (1,)), None, writing=True)
