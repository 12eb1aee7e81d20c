"""What a kernel's statements mean to Triton's compiler, where Python takes them another way."""

from pathlib import Path

import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu.jit import jit


def ran(rig, kernel, *outputs, **constants):
    """The arrays of `outputs` after one program of the kernel."""
    device = rig()
    tensors = [device.tensor(array) for array in outputs]
    device.launch(kernel, (1,), *tensors, **constants)
    found = [tensor.numpy() for tensor in tensors]
    return found[0] if len(found) == 1 else found


def test_a_sum_that_begins_with_a_number_is_kept_in_float32(rig):
    """2049 is no float16: an accumulator that became one would lose the last step."""

    def kernel(x, out):
        total = 0.0
        for _ in range(3):
            total += tl.sum(tl.load(x + tl.arange(0, 2)))
        tl.static_assert(total.dtype == tl.float32)
        tl.store(out, total)

    _, out = ran(rig, kernel, np.array([683, 0], np.float16), np.zeros(1, np.float32))
    assert out.tolist() == [2049]


def test_a_number_with_a_name_is_a_0_d_tensor_and_a_bare_one_bends(rig):
    def kernel(x, out):
        half = tl.load(x + tl.arange(0, 2))
        zero = 0.0
        count, flag = 1 << 31, True
        fixed: tl.constexpr = 2
        tl.static_assert((half * zero).dtype == tl.float32)
        tl.static_assert((half * 0.0).dtype == tl.float16)
        tl.static_assert(count.dtype == tl.uint32)
        tl.static_assert((~flag).dtype == tl.int1)
        tl.static_assert(not isinstance(fixed, tl.tensor))
        tl.store(out + tl.arange(0, 2), zero.to(tl.float16) + half * fixed)

    _, out = ran(rig, kernel, np.array([1, 2], np.float16), np.zeros(2, np.float16))
    assert out.tolist() == [2, 4]


def test_a_number_that_a_function_returns_is_a_0_d_tensor(rig):
    @jit
    def scale():
        return 0.5

    def kernel(x, out):
        scaled = tl.load(x + tl.arange(0, 2)) * scale()
        tl.static_assert(scaled.dtype == tl.float32)
        tl.store(out + tl.arange(0, 2), scaled)

    _, out = ran(rig, kernel, np.array([1, 3], np.float16), np.zeros(2, np.float32))
    assert out.tolist() == [0.5, 1.5]


def test_and_or_and_not_work_element_by_element(rig):
    def kernel(out):
        i = tl.arange(0, 8)
        third = i == 3
        kept = (i > 1 and i < 6 and not third) or i == 7
        tl.store(out + i, kept.to(tl.int32))

    assert ran(rig, kernel, np.zeros(8, np.int32)).tolist() == [0, 0, 1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize("has_bias", [True, False])
def test_what_is_known_at_compile_time_decides_before_a_tensor_is_looked_at(rig, has_bias):
    def kernel(out, HAS_BIAS: tl.constexpr):
        i = tl.arange(0, 4)
        kept = HAS_BIAS and i < missing  # noqa: F821  # never looked up where HAS_BIAS is false
        tl.store(out + i, 0 if kept else 1)

    if has_bias:
        with pytest.raises(KernelError, match="missing"):
            ran(rig, kernel, np.zeros(4, np.int32), HAS_BIAS=True)
    else:
        assert ran(rig, kernel, np.zeros(4, np.int32), HAS_BIAS=False).tolist() == [1] * 4


def test_a_constant_among_tensors_gives_the_other_operand(rig):
    def kernel(out):
        i = tl.arange(0, 4)
        some = i < 2
        tl.store(out + i, (True and some).to(tl.int32) + (some or False).to(tl.int32))

    assert ran(rig, kernel, np.zeros(4, np.int32)).tolist() == [2, 2, 0, 0]


def test_min_and_max_take_blocks(rig):
    def kernel(out):
        i = tl.arange(0, 4)
        tl.store(out + i, min(max(i, 1), 2) + min(3, 5))

    assert ran(rig, kernel, np.zeros(4, np.int32)).tolist() == [4, 4, 5, 5]


def test_a_constant_parameter_has_its_value(rig):
    def kernel(out, KIND: tl.constexpr, N: tl.constexpr):
        tl.store(out + tl.arange(0, N.value), tl.full((N,), 7, KIND.value))

    assert ran(rig, kernel, np.zeros(4, np.int32), KIND=tl.int32, N=4).tolist() == [7] * 4


def test_an_error_is_at_its_line_in_a_rewritten_kernel(rig):
    def kernel(out):
        scale = 1.0
        tl.store(out, scale.no_such_thing)  # LINE

    with pytest.raises(KernelError, match="no_such_thing") as error:
        ran(rig, kernel, np.zeros(1, np.float32))
    file, line = error.value.where.rsplit(":", 1)
    assert Path(file).read_text().splitlines()[int(line) - 1].endswith("# LINE")


def test_a_kernel_sees_the_variables_around_it(rig):
    factor, offset = 3, 4

    def kernel(out):
        x = 1
        tl.store(out, x * factor + offset)

    assert ran(rig, kernel, np.zeros(1, np.int32)).tolist() == [7]


def test_a_kernel_without_a_source_of_its_own_runs_as_python_has_it(rig):
    names = {"tl": tl}
    exec("def kernel(out):\n    x = 3\n    tl.store(out, x)\n", names)  # a function whose source is gone
    assert ran(rig, names["kernel"], np.zeros(1, np.int32)).tolist() == [3]


def test_transposed_operands_of_old_kernels_multiply(rig):
    def kernel(a, b, out):
        at = tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]
        x, y = tl.load(a + at), tl.load(b + at)
        tl.store(out + at, tl.dot(x, y, trans_b=True) + tl.dot(x, y, trans_a=True))

    rng = np.random.default_rng(3)
    x, y = (rng.integers(-4, 5, (16, 16)).astype(np.float16) for _ in range(2))
    _, _, out = ran(rig, kernel, x, y, np.zeros((16, 16), np.float32))
    x, y = x.astype(np.float32), y.astype(np.float32)
    assert np.array_equal(out, x @ y.T + x.T @ y)


def test_a_cast_to_what_a_block_pointer_loads(rig):
    def kernel(out):
        p = tl.make_block_ptr(out, (4,), (1,), (0,), (4,), (0,))
        tl.store(p, tl.arange(0, 4).to(p.type.element_ty))

    assert ran(rig, kernel, np.zeros(4, np.float32)).tolist() == [0, 1, 2, 3]


def test_core_knows_integer_types_by_their_bits(rig):
    def kernel(out):
        kind: tl.constexpr = tl.core.get_int_dtype(bitwidth=tl.float32.primitive_bitwidth, signed=False)
        steps: tl.constexpr = tl.standard._log2(8)  # the name that sorting networks use
        tl.store(out, tl.full((), 1.0, tl.float32).to(kind, bitcast=True) + steps)

    assert ran(rig, kernel, np.zeros(1, np.uint32)).tolist() == [0x3F800003]
    with pytest.raises(TypeError, match="no integer type has 24 bits"):
        tl.core.get_int_dtype(24, signed=True)


def test_what_rises_and_falls_is_merged_in_order(rig):
    def kernel(x, up, down):
        at = tl.arange(0, 2)[:, None] * 8 + tl.arange(0, 8)[None, :]
        tl.store(up + at, tl.bitonic_merge(tl.load(x + at)))
        tl.store(down + at, tl.bitonic_merge(tl.load(x + at), descending=True))

    x = np.array([[1, 4, 6, 9, 8, 3, 2, 0], [7, 7, 5, -1, -2, 1, 3, 7]], np.float32)
    _, up, down = ran(rig, kernel, x, np.zeros_like(x), np.zeros_like(x))
    assert np.array_equal(up, np.sort(x))
    assert np.array_equal(down, np.sort(x)[:, ::-1])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("fp16", tl.float16), ("bf16", tl.bfloat16), ("fp8e4nv", tl.float8e4nv), ("uint16", tl.uint16), ("int1", tl.int1)],
)
def test_a_type_is_had_by_the_name_of_triton_s_compiler(name, kind):
    assert tl.dtype(name) is kind
    assert isinstance(kind, tl.dtype)
    with pytest.raises(TypeError, match=f"no element type has the name 'x{name}'"):
        tl.dtype(f"x{name}")


def test_a_list_that_meets_a_shape_is_a_tuple(rig):
    def kernel(out):
        x = tl.zeros((2, 4), tl.float32)
        tl.static_assert(x.shape == [2, 4])
        tl.static_assert(x.shape == [2, 4])
        tl.static_assert(x.shape != [2, 8])
        tl.static_assert(x.reshape(x.shape[:-1] + [2, 2]).shape == (2, 2, 2))  # noqa: RUF005  # as kernels have it
        kept = [1] + [2]  # noqa: RUF005
        kept.append(3)
        if x.shape == [2, 4]:
            tl.store(out, len(kept))

    assert ran(rig, kernel, np.zeros(1, np.int32)).tolist() == [3]


ASSERTING = """
from kernbench.triton_emu import language as tl

def kernel(x, LIMIT: tl.constexpr):
    assert LIMIT > 0, f"no limit: {LIMIT}"
    assert tl.load(x + tl.arange(0, 4)) < LIMIT, "too large"
"""


def test_an_assertion_about_a_block_is_one_of_the_device_when_debugging(rig, tmp_path, monkeypatch):
    (tmp_path / "asserting.py").write_text(ASSERTING)  # pytest rewrites assertions in this file
    monkeypatch.syspath_prepend(tmp_path)
    kernel = __import__("asserting").kernel
    numbers = np.arange(4, dtype=np.int32)
    ran(rig, kernel, numbers, LIMIT=4)
    ran(rig, kernel, numbers, LIMIT=3)
    monkeypatch.setenv("TRITON_DEBUG", "1")
    ran(rig, kernel, numbers, LIMIT=4)
    with pytest.raises(KernelError, match="device_assert failed: too large"):
        ran(rig, kernel, numbers, LIMIT=3)
    with pytest.raises(KernelError, match="AssertionError: no limit: 0"):
        ran(rig, kernel, numbers, LIMIT=0)


def test_print_in_a_kernel_is_the_device_s(rig, capsys):
    def kernel(x):
        print("x", tl.load(x + tl.arange(0, 2)))
        print(3)

    ran(rig, kernel, np.arange(2, dtype=np.int32))
    out, err = capsys.readouterr()  # each when what it shows is there
    assert (out, sorted(err.splitlines())) == ("", ["pid (0, 0, 0)  3", "pid (0, 0, 0) x [0 1]"])


@pytest.mark.parametrize(
    "change", [lambda kernel, text: setattr(kernel, "src", text), lambda kernel, text: kernel._unsafe_update_src(text)]
)
def test_a_program_that_changes_a_kernel_s_text_changes_the_kernel(rig, change):
    step = 2.0

    @jit
    def kernel(out):
        total = 1.0
        tl.store(out, total + step)

    assert ran(rig, kernel.fn, np.zeros(1, np.float32)) == [3]
    text = kernel.src.replace("total + step", "(total and step).to(tl.float32) + 3")
    change(kernel, text)
    assert kernel.src == text
    assert ran(rig, kernel.fn, np.zeros(1, np.float32)) == [4]
    change(kernel, "1")
    with pytest.raises(ValueError, match="give the text from `def` on"):
        kernel.fn  # noqa: B018  # it is made when it is asked for
