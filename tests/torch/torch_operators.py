"""Operators and functions that torch calls itself, with torch on a CPU: their parts for GPUs run, and see the device."""


def test_an_operator_s_part_for_cuda_is_the_one_that_runs(run):
    run("""
made = torch.library.Library("kernbench_parts", "DEF")
for name in ("plain", "both", "later", "named", "kept", "only_cpu"):
    made.define(f"{name}(Tensor x) -> Tensor")

@torch.library.impl(made, "plain", "CUDA")
def plain(x):
    assert x.is_cuda
    return x + torch.ones(3, device="cuda")

cuda_only = torch.library.Library("kernbench_parts", "IMPL", "CUDA")
made.impl("both", lambda x: x + 10, "CPU")
cuda_only.impl("both", lambda x: x + 2)
made.impl("later", lambda x: x + 3, "CUDA")
made.impl("later", lambda x: x + 10, "CPU")

@torch.library.impl("kernbench_parts::named", "cuda")
def named(x):
    return x + 4

torch.library.register_kernel("kernbench_parts::kept", "cuda", lambda x: x + 5)
for key in ("CPU", "CUDA"):  # torch refuses a part that is there already
    try:
        made.impl("plain" if key == "CUDA" else "only_cpu", plain, key)
    except RuntimeError as error:
        assert key == "CUDA" and "already a kernel registered" in str(error)
ops = torch.ops.kernbench_parts
x = torch.zeros(3, device="cuda")
assert [each(x)[0].item() for each in (ops.plain, ops.both, ops.later, ops.named, ops.kept)] == [1, 2, 3, 4, 5]
""")


def test_a_custom_operator_sees_the_device(run):
    run("""
@torch.library.custom_op("kernbench_custom::shifted", mutates_args=())
def shifted(x: torch.Tensor) -> torch.Tensor:
    assert x.is_cuda and x.device.index == 0
    return torch.ones(4, device="cuda") + x

@torch.library.custom_op("kernbench_custom::only", mutates_args=(), device_types="cuda")
def only(x: torch.Tensor) -> torch.Tensor:
    return x + 2

@torch.library.custom_op("kernbench_custom::parts", mutates_args={"x"}, device_types="cpu")
def parts(x: torch.Tensor) -> None:
    x.fill_(10)

@parts.register_kernel("cuda")
def _(x):
    x.fill_(3)

parts.register_kernel("cpu", lambda x: x.fill_(20))

@torch.library.triton_op("kernbench_custom::fused", mutates_args={})
def fused(x: torch.Tensor) -> torch.Tensor:
    return torch.full((4,), 4.0, device="cuda") + x

x = torch.zeros(4, device="cuda")
assert [each(x)[0].item() for each in (shifted, only, fused)] == [1, 2, 4]
parts(x)
assert x.tolist() == [3] * 4 and isinstance(only, torch.library.CustomOpDef)
""")


def test_the_gradient_of_a_custom_operator_sees_the_device(run):
    run("""
@torch.library.custom_op("kernbench_custom::tripled", mutates_args=())
def tripled(x: torch.Tensor) -> torch.Tensor:
    return 3 * x

def setup(ctx, inputs, output):
    assert inputs[0].is_cuda

def backward(ctx, gradient):
    return gradient * torch.full((4,), 3.0, device="cuda")

tripled.register_autograd(backward, setup_context=setup)
x = torch.ones(4, device="cuda", requires_grad=True)
tripled(x).sum().backward()
assert x.grad.tolist() == [3] * 4
""")


def test_hooks_and_what_is_computed_again_see_the_device(run):
    run("""
from torch.utils.checkpoint import checkpoint

x = torch.ones(4, device="cuda", requires_grad=True)
seen = []
x.register_post_accumulate_grad_hook(lambda x: seen.append(x.device))
y = x * 2
y.register_hook(lambda gradient: gradient * torch.full((4,), 5.0, device="cuda"))
y.sum().backward()
assert x.grad.tolist() == [10] * 4 and seen == [DEVICE]

def scaled(x):
    return (x * torch.full((4,), 3.0, device="cuda")).sum()

for is_reentrant in (False, True):
    x.grad = None
    checkpoint(scaled, x, use_reentrant=is_reentrant).backward()
    assert x.grad.tolist() == [3] * 4
assert torch.utils.checkpoint.checkpoint is checkpoint
""")
