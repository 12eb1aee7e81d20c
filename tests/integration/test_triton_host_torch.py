"""`import torch` where no torch is installed: what the host side of Triton programs asks of it."""

import pytest

TINY = ["sip.cube_mesh=1x1"]


@pytest.fixture
def run(sim, tmp_path):
    """Run a script on one small SIP."""

    def run(text):
        path = tmp_path / "script.py"
        path.write_text("import numpy as np\nimport torch\nimport torch.nn.functional as F\nimport triton\n" + text)
        return sim(sips=1, overrides=TINY).run(path)

    return run


def test_a_program_for_gpus_finds_one_device(run):
    run("""
device = triton.runtime.driver.active.get_active_torch_device()
x = torch.rand(8, device=device, requires_grad=False)
assert x.device == device == torch.device("cuda") and torch.device(type="cuda", index=0).index == 0
assert torch.cuda.is_available() and torch.cuda.device_count() == 1 and torch.cuda.current_device() == 0
assert torch.cuda.get_device_capability() == (8, 0)
properties = torch.cuda.get_device_properties("cuda")
assert properties.multi_processor_count == 4 and properties.total_memory > 0
assert triton.runtime.driver.active.utils.get_device_properties(0)["max_shared_mem"] == 1 << 20
target = triton.runtime.driver.active.get_current_target()
assert (target.backend, target.arch, target.warp_size) == ("cuda", 80, 32)
assert torch.cuda.device(0).idx == 0
with torch.cuda.device(0), torch.no_grad():
    torch.cuda.synchronize()
@torch.jit.script
def same(x):
    return x
@torch.no_grad()
def also(x):
    return x
assert same(x) is x and also(x) is x
assert torch.randn(size=(2, 3), device="cuda", dtype=torch.float16).shape == (2, 3)
""")


def test_references_that_no_kernel_computes_are_the_host_s(run):
    run("""
x = torch.from_numpy(np.array([[3.0, -1.0, 2.0], [0.5, 0.25, 4.0]], np.float32))
w = torch.from_numpy(np.array([1.0, 2.0, 3.0], np.float32))
a = x.numpy()
assert np.array_equal(torch.tril(x).numpy(), np.tril(a)) and np.array_equal(torch.triu(x, 1).numpy(), np.triu(a, 1))
assert np.array_equal(torch.cumsum(x, dim=1).numpy(), np.cumsum(a, 1))
assert np.array_equal(torch.cumsum(x, axis=0).numpy(), np.cumsum(a, 0))
assert np.array_equal(torch.cumprod(x, dim=1).numpy(), np.cumprod(a, 1))
values, order = torch.sort(x, dim=1, descending=True)
assert values.tolist() == [[3, 2, -1], [4, 0.5, 0.25]] and order.tolist() == [[0, 2, 1], [2, 0, 1]]
assert torch.flip(x, [1]).tolist() == a[:, ::-1].tolist()
assert torch.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]
assert torch.bincount(torch.tensor([1, 1, 3])).tolist() == [0, 2, 0, 1]
assert torch.histc(x, bins=4, min=0, max=4).tolist() == [2, 0, 1, 2]
assert abs(torch.erf(x).numpy()[1, 0] - 0.5204999) < 1e-6
normal = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)
np.testing.assert_allclose(F.layer_norm(x, (3,), w, w).numpy(), normal * w.numpy() + w.numpy(), rtol=1e-5)
assert torch.float8_e5m2.itemsize == torch.float8_e4m3fn.itemsize == 1
""")


def test_a_function_around_kernels_makes_its_gradients(run):
    run("""
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return torch.from_numpy(x.numpy() * factor)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        assert ctx.needs_input_grad == (True, False)
        return torch.from_numpy(dy.numpy() * ctx.factor), None

x = torch.ones(4, requires_grad=True)
y = Twice.apply(x, 2)
y.backward(torch.full((4,), 3.0), retain_graph=True)
assert x.grad.tolist() == [6, 6, 6, 6]
""")


def test_layer_norm_has_gradients_of_all_its_operands(run):
    run("""
rng = np.random.default_rng(1)
a, g, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 8), (2, 3, 8), 8, 8))
x, weight, bias = (torch.from_numpy(each).requires_grad_() for each in (a, w, b))
y = F.layer_norm(x.requires_grad_(True), (8,), weight, bias, 1e-5).to(torch.float32)
y.backward(torch.from_numpy(g), retain_graph=True)

def loss(a, w, b):
    a, w, b = (each.astype(np.float64) for each in (a, w, b))
    spread = np.sqrt(a.var(-1, keepdims=True) + 1e-5)
    return float((((a - a.mean(-1, keepdims=True)) / spread * w + b) * g).sum())

for number, tensor in enumerate((x, weight, bias)):
    found, values = tensor.grad.numpy(), (a, w, b)
    for place in [(0, 1, 2), (1, 2, 7)] if number == 0 else [3, 6]:
        high, low = ([each.astype(np.float64) for each in values] for _ in range(2))
        high[number][place] += 1e-4
        low[number][place] -= 1e-4
        assert abs((loss(*high) - loss(*low)) / 2e-4 - found[place]) < 1e-4, (number, place)
""")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("torch.ones(4).sum().backward()", "RuntimeError: element 0 of tensors does not require grad"),
        ("x.sort()[0].sum().backward()", r"Missing: torch\.sort: its gradient does not exist here"),
        ("x.view(torch.bfloat16).sum().backward()", r"Missing: torch\.Tensor\.view as another type: its gradient"),
        ("(x * 2).add_(1)", r"Missing: torch\.Tensor\.add_ where a gradient is wanted does not exist here"),
        ("y = torch.zeros(4)\ny[1:] = x[1:]", r"Missing: torch\.Tensor\.__setitem__ where a gradient"),
    ],
)
def test_a_gradient_that_nobody_can_give_is_refused(run, text, message):
    with pytest.raises(Exception, match=message):
        run(f"x = torch.ones(4, requires_grad=True)\n{text}\n")


def test_functions_of_each_element_are_the_host_s(run):
    run("""
x = torch.from_numpy(np.array([0.25, -0.5, 1.0], np.float32))
for name, same in {"asin": np.arcsin, "cos": np.cos, "floor": np.floor, "exp2": np.exp2, "sign": np.sign}.items():
    np.testing.assert_allclose(getattr(torch, name)(x).numpy(), same(x.numpy()), rtol=1e-6)
assert torch.round(torch.tensor([0.5, 1.5, -2.5])).tolist() == [0, 2, -2]
assert torch.log2(torch.tensor([8.0, 0.0])).tolist() == [3, -np.inf]
""")


def test_a_tensor_is_shown_with_its_elements_and_showing_takes_no_time(run):
    run("""
now = torch.cuda.Event()
now.record()
begin = now.time
x = torch.empty(2, 2, dtype=torch.bfloat16)
assert repr(x) == "tensor([[0., 0.],\\n        [0., 0.]], dtype=bfloat16, device='sip:0')", repr(x)
assert f"{torch.empty((), dtype=torch.int32):03d}" == "000" and f"{torch.empty(1)}".startswith("tensor([0.]")
now.record()
assert now.time == begin
""")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("torch.no_such(1)", r"AttributeError: torch\.no_such does not exist here"),
        ("torch.cuda.no_such", r"AttributeError: torch\.cuda\.no_such does not exist here"),
        (
            "torch.ones(1).no_such()",
            r"AttributeError: torch\.Tensor\.no_such does not exist here; where torch is installed",
        ),
        ("F.no_such", r"AttributeError: torch\.nn\.functional\.no_such does not exist here; where torch is installed"),
        (
            "torch.nn.Transformer()",
            r"AttributeError: torch\.nn\.Transformer does not exist here; where torch is installed",
        ),
        (
            "import torch.utils.data",
            r"ModuleNotFoundError: no module named 'torch\.utils\.data': torch\.utils does not",
        ),
    ],
)
def test_a_name_that_torch_has_and_the_stand_in_has_not_is_named(run, text, message):
    with pytest.raises(Exception, match=message):
        run(text)


def test_a_tensor_descriptor_of_the_host_is_loaded_and_stored_by_a_kernel(run):
    run("""
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

@triton.jit
def shift(source, target, TM: tl.constexpr, TN: tl.constexpr):
    row, column = tl.program_id(0) * TM, tl.program_id(1) * TN
    target.store([row, column], source.load([row, column]) + 1)

x = torch.arange(0, 512, dtype=torch.float32).reshape(16, 32)
y = torch.zeros(16, 32)
source, target = TensorDescriptor(x, [16, 32], [32, 1], [8, 16]), TensorDescriptor.from_tensor(y, [1, 1])

def blocks(named):
    named["target"].block_shape = [named["TM"], named["TN"]]

tuned = triton.autotune([triton.Config({"TM": 8, "TN": 16}, pre_hook=blocks)], key=[])(shift)
tuned[lambda meta: (16 // meta["TM"], 32 // meta["TN"])](source, target)
assert np.array_equal(y.numpy(), x.numpy() + 1)
""")
