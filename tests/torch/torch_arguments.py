"""Tensors of torch as arguments of kernels: every element type, every way to lie in memory."""

import pytest

COPY = """
@triton.jit
def copy(x, y, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + i, tl.load(x + i, mask=i < n), mask=i < n)

@triton.jit
def copy_back(x, y, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(y + i, tl.load(x - i, mask=i < n), mask=i < n)

@triton.jit
def add_one(x, n, stride, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(x + i * stride, tl.load(x + i * stride, mask=i < n) + 1, mask=i < n)
"""


def test_each_element_type_is_read_and_written_bit_by_bit(run):
    run(
        COPY
        + """
kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
         torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8, torch.uint16, torch.uint32, torch.uint64]
for kind in kinds:
    bits = torch.arange(0, 96 * kind.itemsize, dtype=torch.uint8)
    x = bits.view(kind)
    y = torch.zeros_like(bits).view(kind)
    copy[(3,)](x, y, 96, BLOCK=32)
    assert torch.equal(y.view(torch.uint8), bits), kind
flags = torch.rand(50) > 0.5
seen = torch.zeros(50, dtype=torch.bool)
copy[(2,)](flags, seen, 50, BLOCK=32)
assert torch.equal(flags, seen) and 0 < int(seen.sum()) < 50
"""
    )


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float8_e4m3fn", "float8_e5m2", "int8", "uint16"])
def test_a_sum_is_rounded_as_torch_rounds_it(run, kind):
    run(
        COPY
        + f"""
x = torch.arange(-16, 16).to(torch.float32)
x = (x if torch.{kind}.is_floating_point else x.abs()).to(torch.{kind})
expected = (x.to(torch.float32) + 1).to(torch.{kind})
add_one[(1,)](x, 32, 1, BLOCK=32)
assert torch.equal(x.to(torch.float32), expected.to(torch.float32)), (x, expected)
"""
    )


def test_views_of_one_storage_are_one_memory(run):
    run(
        COPY
        + """
base = torch.zeros(6, 8)
column, row = base[:, 3], base[2]
add_one[(1,)](column, 6, column.stride(0), BLOCK=8)
add_one[(1,)](row, 8, row.stride(0), BLOCK=8)
expected = torch.zeros(6, 8)
expected[:, 3] += 1
expected[2] += 1
assert torch.equal(base, expected)
overlapping = torch.arange(10.0).as_strided((4, 4), (2, 1))
y = torch.empty(4)
copy[(1,)](overlapping[3], y, 4, BLOCK=4)
assert y.tolist() == [6, 7, 8, 9]
wide = torch.arange(3.0).expand(4, 3)
copy[(1,)](wide[2], y, 3, BLOCK=4)
assert y.tolist() == [0, 1, 2, 9]
backwards = torch.arange(10.0)
copy_back[(1,)](backwards[9:], y, 4, BLOCK=4)  # what lies before a view is the storage's too
assert y.tolist() == [9, 8, 7, 6]
source = torch.arange(12.0)
copy[(1,)](source[:6], source[6:], 6, BLOCK=8)  # both arguments lend the same storage
assert source.tolist() == [0, 1, 2, 3, 4, 5] * 2
"""
    )


def test_what_torch_writes_between_two_launches_is_seen_and_what_it_frees_is_used_again(run):
    run(
        COPY
        + """
y = torch.empty(1 << 20)
for turn in range(5):
    x = torch.full((1 << 20,), float(turn))
    x[-1] = -1
    copy[(1,)](x[-8:], y, 8, BLOCK=8)
    assert y[:8].tolist() == [turn] * 7 + [-1]
""",
    )


def test_a_tensor_without_elements_and_one_that_wants_gradients_are_arguments_too(run):
    run(
        COPY
        + """
none = torch.empty(0)
x = torch.ones(4, requires_grad=True)
y = torch.zeros(4)
copy[(1,)](none, y, 0, BLOCK=4)
copy[(0,)](none, none, 0, BLOCK=4)
copy[(1,)](x, y, 4, BLOCK=4)
assert y.tolist() == [1, 1, 1, 1] and none.data_ptr() == 0
assert x.is_leaf and x.grad is None
"""
    )


def test_an_access_outside_the_storage_is_an_error_that_names_the_argument(run):
    with pytest.raises(Exception, match=r"program 0 of copy: .*x.*outside|outside.*x") as caught:
        run(COPY + "copy[(1,)](torch.zeros(4), torch.zeros(64), 64, BLOCK=64)\n")
    assert "script.py" in str(caught.value.where)


@pytest.mark.parametrize("make", ["torch.zeros(4, dtype=torch.complex64)", "torch.zeros(4, device='meta')"])
def test_what_no_kernel_can_take_is_refused(run, make):
    with pytest.raises(Exception, match=r"x: (torch's torch.complex64 is no element type|a tensor on meta)"):
        run(COPY + f"copy[(1,)]({make}, torch.zeros(4), 4, BLOCK=4)\n")


def test_addresses_in_a_tensor_lead_to_the_tensors(run):
    run("""
@triton.autotune([triton.Config({"BLOCK": 8}), triton.Config({"BLOCK": 16})], key=["n"])
@triton.jit
def double_all(places, n, BLOCK: tl.constexpr):
    place = tl.load(places + tl.program_id(0)).to(tl.pointer_type(tl.float32))
    for begin in range(0, n, BLOCK):
        i = begin + tl.arange(0, BLOCK)
        tl.store(place + i, tl.load(place + i, mask=i < n) * 2, mask=i < n)

base = torch.arange(40.0, device="cuda")
parts = [base[:10], base[10:20], torch.ones(10, device="cuda")]
places = torch.tensor([each.data_ptr() for each in parts], device="cuda")
for turn in range(2):
    base += turn
    expected = torch.cat([base[:20] * 2, base[20:]])
    double_all[(3,)](places, 10)
    assert torch.equal(base, expected)
assert parts[2].tolist() == [4.0] * 10
""")


def test_the_same_run_takes_the_same_time_wherever_torch_puts_its_tensors(run):
    text = (
        COPY
        + """
import os
kept = [torch.empty(4096 * each) for each in range(int(os.environ["KERNBENCH_TEST_CLUTTER"]))]
for turn in range(3):
    x, y = torch.rand(4096), torch.empty(4096)
    copy[(128,)](x, y, 4096, BLOCK=32)
"""
    )
    digests = set()
    with pytest.MonkeyPatch.context() as patch:
        for clutter in ("0", "7"):
            patch.setenv("KERNBENCH_TEST_CLUTTER", clutter)
            result = run(text)
            digests.add((result.digest_time, result.sim_time))
    assert len(digests) == 1


def test_a_library_s_own_view_of_a_tensor_is_an_argument_by_its_address(run):
    run(
        COPY
        + """
class View:
    def __init__(self, base, at):
        self.base, self.dtype = base, base.dtype
        self.at = base.data_ptr() + at * base.element_size()
    def data_ptr(self):
        return self.at
    def untyped_storage(self):
        return self.base.untyped_storage()

x = torch.zeros(40)
add_one[(1,)](View(x, 32), 8, 1, BLOCK=8)
assert x.tolist() == [0] * 32 + [1] * 8
try:
    add_one[(1,)](View(x, 41), 8, 1, BLOCK=8)
except Exception as error:
    assert "x: View.data_ptr() lies outside its untyped_storage()" in str(error), error
else:
    raise AssertionError("a view outside its storage was taken")
"""
    )
