"""What a program for GPUs says about devices, with torch on a CPU."""

import subprocess
import sys

import pytest


def test_a_program_for_gpus_finds_its_device(run):
    run("""
x = torch.rand(8, device=DEVICE)
assert DEVICE == torch.device("cuda:0") == x.device and x.is_cuda and x.get_device() == 0
assert DEVICE.type == "cuda" and DEVICE.index == 0
for device in ("cuda", "cuda:0", 0, torch.device("cuda"), DEVICE):
    assert torch.empty(3, device=device).device == DEVICE
assert torch.empty_like(x, device="cuda", pin_memory=True).is_cuda and x.new_zeros(3, device="cuda").is_cuda
with torch.device("cuda"):
    assert torch.ones(2).is_cuda
assert torch.zeros(2, device="meta").device.type == "meta"
assert torch.randn(4, generator=torch.Generator(device="cuda").manual_seed(3), device="cuda").is_cuda
assert isinstance(x, torch.Tensor) and isinstance(torch.nn.Parameter(x), torch.nn.Parameter)
assert x.to(0) is not x and x.to(0, torch.float16).is_cuda and x.to(0).equal(x)
assert torch.nn.Linear(4, 2).to(0, torch.float16).weight.dtype == torch.float16
layer = torch.nn.Linear(4, 2).to(0).to("cuda")
assert layer.weight.is_cuda and layer(torch.ones(1, 4, device="cuda")).shape == (1, 2)
""")


def test_torch_cuda_is_the_rank_s_device(run):
    run("""
import torch.cuda
from torch.cuda import Event, get_device_capability
import importlib
assert importlib.import_module("torch.cuda") is torch.cuda
assert torch.cuda.is_available() and torch.cuda.device_count() == 1 and torch.cuda.current_device() == 0
assert get_device_capability() == torch.cuda.get_device_capability("cuda") == (8, 0)
properties = torch.cuda.get_device_properties(DEVICE)
assert properties.multi_processor_count == 4 and properties.total_memory == 24 << 30
stream = getattr(torch, DEVICE.type).Stream()
getattr(torch, DEVICE.type).set_stream(stream)
with torch.cuda.stream(stream), torch.cuda.device(0):
    torch.cuda.synchronize()
    torch.cuda.current_stream().synchronize()
assert torch.accelerator.is_available() and torch.accelerator.current_accelerator().type == "cuda"

@triton.jit
def nothing(x):
    tl.store(x, 1.0)

begin, end = Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
begin.record()
nothing[(1,)](torch.empty(1, device="cuda"))
end.record()
assert 0 < begin.elapsed_time(end) < 1e-2
""")


def test_a_copy_to_another_device_is_a_copy(run):
    run("""
@triton.jit
def clear(x, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(x + i, 0.0, mask=i < n)

x = torch.ones(4)
there, moved, cast = x.cuda(), x.to("cuda"), x.to("cuda", torch.float16)
for each in (there, moved, cast):
    before, also = each.cpu(), each.to("cpu")
    clear[(1,)](each, 4, BLOCK=4)
    assert each.sum() == 0 and before.sum() == also.sum() == 4
assert x.tolist() == [1, 1, 1, 1]
assert x.to(torch.float32) is x and x.pin_memory() is x
""")


def test_a_function_around_kernels_takes_part_in_torch_s_graph(run):
    run("""
from torch.autograd import Function, gradcheck

@triton.jit
def scale(x, y, factor, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(y + i, tl.load(x + i, mask=i < n) * factor, mask=i < n)

class Scaled(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        y = torch.empty(x.shape, dtype=x.dtype, device="cuda")
        scale[(1,)](x, y, factor, x.numel(), BLOCK=16)
        return y

    @staticmethod
    def backward(ctx, gradient):
        assert gradient.is_cuda
        out = torch.empty(gradient.shape, dtype=gradient.dtype, device="cuda")
        scale[(1,)](gradient.contiguous(), out, ctx.factor, out.numel(), BLOCK=16)
        return out, None

class Also(torch.autograd.Function):
    forward, backward = Scaled.forward, Scaled.backward

assert issubclass(Scaled, torch.autograd.Function) and Function is torch.autograd.Function
for function in (Scaled, Also):
    x = torch.arange(5.0, device=DEVICE, requires_grad=True)
    function.apply(x * 2, 3.0).square().sum().backward()
    assert torch.equal(x.grad, 72 * x)
    torch.autograd.backward(function.apply(x, 3.0).sum())
    assert torch.equal(x.grad, 72 * x + 3)
    (found,) = torch.autograd.grad(function.apply(x, 3.0).sum(), x)
    assert found.tolist() == [3.0] * 5
""")


def test_decorators_modules_and_random_numbers_are_torch_s_own(run):
    run("""
def shifted(x):
    return torch.exp(x - x.max(dim=1)[0][:, None])

@torch.no_grad()
def plain(x):
    return x + 1

import torch.nn.functional as F
from torch import nn
torch.manual_seed(0)
x = torch.randn(3, 4, device="cuda")
torch.manual_seed(0)
assert torch.equal(x, torch.randn(3, 4))
torch.testing.assert_close(F.softmax(x, 1), shifted(x) / shifted(x).sum(1, keepdim=True))
assert not plain(x.requires_grad_()).requires_grad and nn is torch.nn
assert "tensor([[" in repr(x) and f"{x.sum():.3f}" == f"{x.sum().item():.3f}"
""")


def test_gradients_of_layer_norm_are_summed_up_as_gpus_do(run):
    run("""
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(1000, 16, dtype=torch.float16, device="cuda", requires_grad=True)
w, b = (torch.rand(16, dtype=torch.float16, device="cuda", requires_grad=True) for _ in range(2))
dy = torch.randn_like(x)
y = F.layer_norm(input=x, normalized_shape=(16,), weight=w, bias=b)
assert torch.equal(y, F.layer_norm(x, (16,), w, b))
y.backward(dy)
assert y.dtype == w.grad.dtype == b.grad.dtype == x.grad.dtype == torch.float16
torch.testing.assert_close(b.grad, dy.double().sum(0).half(), rtol=1e-3, atol=0)
""")


def test_torch_is_as_it_was_for_everybody_else(run):
    import torch

    before = torch.cuda.is_available(), torch.autograd.Function
    run('assert torch.zeros(1, device="cuda").is_cuda and torch.cuda.is_available()\n')
    assert not torch.zeros(1).is_cuda
    assert (torch.cuda.is_available(), torch.autograd.Function) == before
    with pytest.raises(Exception, match=r"AssertionError"):
        run("x = torch.zeros(1)\nassert not x.is_cuda\n")
    assert torch.zeros(1).device.type == "cpu"


def test_a_bench_has_kernbench_s_torch_and_may_import_the_installed_one(sim, tmp_path):
    (tmp_path / "both.py").write_text("""
def bench(torch):
    import torch as installed
    from kernbench.runtime_api.torch import Torch
    assert isinstance(torch, Torch)
    assert torch.from_numpy(installed.ones(3, device="cuda").cpu().numpy()).tolist() == [1, 1, 1]
""")
    sim(sips=2).run(tmp_path / "both.py")


def test_torch_is_not_loaded_for_a_script_that_does_not_import_it(tmp_path):
    (tmp_path / "plain.py").write_text("""
import sys
import triton
assert triton.runtime.driver.active.get_active_torch_device().type == "cuda" and "torch" not in sys.modules
""")
    command = [sys.executable, "-m", "kernbench", "run", "plain.py", "--no-record", "--set", "sip.cube_mesh=1x1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_script_with_torch_runs_the_same_in_a_worker_process(sim, tmp_path):
    (tmp_path / "script.py").write_text("""
import torch, triton, triton.language as tl
@triton.jit
def twice(x, y, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + i, tl.load(x + i, mask=i < n) * 2, mask=i < n)
torch.manual_seed(1)
x = torch.randn(300, device="cuda")
y = torch.empty_like(x)
twice[(5,)](x, y, 300, BLOCK=64)
assert torch.equal(y, x * 2)
""")
    runs = [
        sim(sips=2, workers=workers, overrides=["sip.cube_mesh=1x1"]).run(tmp_path / "script.py") for workers in (1, 2)
    ]
    assert runs[0].digest == runs[1].digest


def test_torch_s_wrapping_of_kernels_for_its_compiler_gives_the_kernel(run):
    run("""
from torch.library import triton_op, wrap_triton
from torch.utils._triton import has_triton
import torch.utils._triton as asked

@triton.jit
def twice(x, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(x + i, 2 * tl.load(x + i))

@triton_op("kernbench_test::doubled", mutates_args={})
def doubled(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    with torch.cuda.device(x.device.index):
        wrap_triton(twice)[(1,)](y, BLOCK=8)
    return y

assert doubled(torch.ones(8)).tolist() == [2] * 8
assert torch.library.wrap_triton(twice) is twice
assert has_triton() and asked.has_triton_package() and torch.utils._triton.has_triton()
assert torch.cuda.device(0).idx == 0 and torch._C._cuda_getCurrentRawStream(0) == 0
assert torch.utils.data is not None and torch._C._get_tracing_state is not None
""")


def test_what_torch_would_compile_runs_as_it_is(run):
    run("""
@torch.compile(fullgraph=True, dynamic=True)
def placed(x):
    assert x.is_cuda and not torch.compiler.is_compiling()
    return x + 1

assert placed(torch.zeros(3, device="cuda")).tolist() == [1, 1, 1]
assert torch.compile(torch.nn.Linear(2, 2)).weight.shape == (2, 2)
""")


def test_the_device_tells_its_figures_and_its_free_memory(run):
    run("""
told = torch.cuda.get_device_properties(device=0)
assert told.shared_memory_per_block_optin == told.shared_memory_per_multiprocessor == 1 << 20
assert (told.max_threads_per_multi_processor, told.regs_per_multiprocessor, told.L2_cache_size) == (2048, 65536, 40 << 20)
free, total = torch.cuda.mem_get_info()
assert free == total == told.total_memory

@triton.jit
def nothing(x):
    pass

nothing[(1,)](torch.empty(1 << 20, device="cuda"))
free, total = torch.cuda.mem_get_info(device=DEVICE)
assert total - free == 4 << 20
x = torch.zeros(3, device="cuda")
x.record_stream(torch.cuda.current_stream())
x.record_stream(torch.cuda.Stream(DEVICE))
assert torch.accelerator.current_device_index() == 0 and torch.accelerator.device_count() == 1
with torch.accelerator.device_index(0):
    torch.accelerator.synchronize()
""")


def test_the_module_of_a_device_is_the_rank_s(run):
    run("""
import torch.accelerator
x = torch.zeros(3, device="cuda")
for device in (x.device, "cuda", "cuda:0", None):
    assert torch.get_device_module(device) is torch.cuda
assert torch.get_device_module("cpu") is torch.cpu
with torch.get_device_module(x.device).device(x.device.index):
    pass
""")


def test_the_generator_of_the_device_has_a_seed_and_an_offset(run):
    run("""
generator = torch.cuda.default_generators[torch.zeros(1, device="cuda").device.index]

def drawn(generator: torch.Generator | None = None):
    return torch.rand(2, device="cuda", generator=generator)

assert isinstance(generator, torch.Generator) and isinstance(torch.Generator("cuda"), torch.Generator)
assert torch.equal(drawn(torch.Generator("cuda").manual_seed(3)), drawn(torch.Generator().manual_seed(3)))

def state():
    return generator.get_state().view(torch.int64).tolist()

assert generator.get_state().numel() == 16 and state() == [67280421310721, 0]
torch.manual_seed(5)
assert state() == [5, 0] and torch.cuda.initial_seed() == generator.initial_seed() == 5
changed = generator.get_state()
changed.view(torch.int64)[1] += 8
assert state() == [5, 0]
generator.set_state(changed)
assert state() == [5, 8] and generator.get_offset() == 8
torch.cuda.manual_seed(2**64 - 1)
assert state() == [-1, 0] and generator.initial_seed() == 2**64 - 1 and generator.device == DEVICE
first = torch.randn(3, device="cuda", generator=generator)
assert torch.equal(first, torch.randn(3, device="cuda", generator=generator.manual_seed(2**64 - 1)))
before = torch.cuda.get_rng_state(device="cuda")
first = torch.randn(3, device="cuda")
torch.cuda.set_rng_state(before)
assert torch.equal(first, torch.randn(3, device="cuda"))
""")


def test_torch_says_that_it_was_built_for_the_device(run):
    run("""
import torch.version
from torch.version import cuda, hip
assert torch.version.cuda == cuda and tuple(map(int, cuda.split("."))) >= (11, 0)
assert torch.version.hip is hip is None and torch.version.debug is False
assert torch.cuda.get_arch_list() == ["sm_80"] and not torch.cuda.can_device_access_peer(0, 0)
torch.cuda.set_sync_debug_mode("default")
assert torch.cuda.get_sync_debug_mode() == 0
""")


def test_what_else_names_the_device_is_met_with_it(run, tmp_path):
    run(f"""
path = {str(tmp_path / "saved.pt")!r}
x = torch.arange(4.0, device="cuda")
torch.save(x, path)
for place in (None, "cuda", "cuda:0", DEVICE, {{"cpu": "cuda:0"}}):
    assert torch.load(path, map_location=place).tolist() == [0, 1, 2, 3]
assert torch.load(path, DEVICE).is_cuda and torch.load(path, "meta").device.type == "meta"
assert x.type() == "torch.cuda.FloatTensor" and x.type("torch.cuda.HalfTensor").dtype == torch.float16
assert x.type(torch.int32).dtype == torch.int32
torch.set_default_device("cuda")
assert torch.zeros(2).is_cuda and torch.ones(2, device="meta").device.type == "meta"
torch.set_default_device(None)
torch.cuda._lazy_init()
""")
