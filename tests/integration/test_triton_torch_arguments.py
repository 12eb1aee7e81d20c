"""Tensors of a torch that is installed, as arguments: read before a launch, written back after it.

A stand-in for torch: what kernbench asks of a tensor, over numpy's memory. `make test-torch` does the same with torch.
"""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from kernbench.cli import execute

TINY = ["--set", "sip.cube_mesh=1x1"]


class Storage:
    def __init__(self, array, device):
        self.array = array
        self.device = SimpleNamespace(type=device)

    def data_ptr(self):
        return self.array.ctypes.data

    def nbytes(self):
        return self.array.nbytes


class Mode:
    """torch's own mode has each call of torch go through it; here it is only entered and left."""

    entered = 0

    def __enter__(self):
        Mode.entered += 1

    def __exit__(self, *error):
        Mode.entered -= 1


class Device:
    def __init__(self, kind, index=None):
        self.type, self.index = kind, index


class Tensor:
    is_cuda = property(lambda self: False)
    device = property(lambda self: self.storage.device)
    get_device = to = type = cuda = cpu = pin_memory = lambda self, *_device: self
    record_stream = register_hook = register_post_accumulate_grad_hook = lambda self, _what: None

    def __init__(self, array, storage=None, device="cpu"):
        self.array = array
        self.storage = storage or Storage(array, device)
        self.dtype = f"torch.{array.dtype}"
        self.shape = array.shape

    def untyped_storage(self):
        return self.storage

    def storage_offset(self):
        return (self.data_ptr() - self.storage.data_ptr()) // self.element_size()

    def element_size(self):
        return self.array.itemsize

    def data_ptr(self):
        return self.array.ctypes.data

    def stride(self, axis=None):
        strides = tuple(each // self.array.itemsize for each in self.array.strides)
        return strides if axis is None else strides[axis]

    def numel(self):
        return self.array.size

    def __getitem__(self, key):
        return Tensor(self.array[key], self.storage)


@pytest.fixture
def torch(monkeypatch, tmp_path):
    """A torch that is installed, and an empty folder to work in."""
    module = ModuleType("torch")
    module.device, module.Tensor = Device, Tensor
    module.overrides = SimpleNamespace(TorchFunctionMode=Mode)
    module.amp, module.Generator = SimpleNamespace(autocast=object), object
    module.arange = lambda *bounds: Tensor(np.arange(*bounds, dtype=np.float32))
    module.zeros = lambda *shape: Tensor(np.zeros(shape, np.float32))
    module.elsewhere = lambda: Tensor(np.zeros(4, np.float32), device="cuda")
    module.wide = lambda: Tensor(np.zeros(4, np.complex64))
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.chdir(tmp_path)
    return module


KERNEL = """
import triton, triton.language as tl
@triton.jit
def twice(x_ptr, out_ptr, n, step, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + i, tl.load(x_ptr + i * step, mask=i < n) * 2, mask=i < n)
"""
SCRIPT = (
    "import torch\n"
    + KERNEL
    + """
assert triton.runtime.driver.active.get_active_torch_device().type == "cuda"
x, out = torch.arange(20), torch.zeros(10)
for factor in (1, 3):
    x.array *= factor  # what torch writes between two launches is what the second one reads
    twice[(3,)](x[1:], out, 9, 2, BLOCK=4)
    assert out.array.tolist() == [2 * factor * (1 + 2 * i) for i in range(9)] + [0], out.array
twice[(1,)](out, out[5:], 4, 1, BLOCK=4)
assert out.array[5:9].tolist() == [12, 36, 60, 84], out.array
"""
)


def test_views_of_torch_tensors_are_read_and_written_where_torch_has_them(torch, capsys, tmp_path):
    (tmp_path / "with_torch.py").write_text(SCRIPT)
    assert execute(["run", "with_torch.py", *TINY]) == 0, capsys.readouterr().err
    assert sys.modules["torch"] is torch
    assert Mode.entered == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("torch.elsewhere()", "x_ptr: a tensor on namespace(type='cuda'); kernbench takes torch's CPU tensors"),
        ("torch.wide()", "x_ptr: torch's torch.complex64 is no element type here"),
    ],
)
def test_a_tensor_that_cannot_be_an_argument_is_refused(torch, capsys, tmp_path, make, message):
    (tmp_path / "refused.py").write_text(
        f"import torch\n{KERNEL}\ntwice[(1,)]({make}, torch.zeros(4), 4, 1, BLOCK=4)\n"
    )
    assert execute(["run", "refused.py", *TINY]) == 3
    assert message in capsys.readouterr().err


LIBRARY = {
    "__init__.py": "from .layers import Twice\n",
    "kernels.py": KERNEL,
    "layers.py": """
import torch
from lab_library_of_this_test.kernels import twice

class Twice:
    @staticmethod
    def apply(x):
        out = torch.zeros(x.numel())
        twice[(1,)](x, out, x.numel(), 1, BLOCK=8)
        return out
""",
}


def test_an_installed_library_runs_with_emulate_and_its_own_tensors(torch, capsys, tmp_path, monkeypatch):
    package = tmp_path / "site" / "lab_library_of_this_test"
    package.mkdir(parents=True)
    for name, text in LIBRARY.items():
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (tmp_path / "uses.py").write_text(
        "import torch\nfrom lab_library_of_this_test import Twice\nprint(Twice.apply(torch.arange(5)).array.tolist())\n"
    )
    assert execute(["run", "uses.py", *TINY, "--emulate", "lab_library_of_this_test"]) == 0, capsys.readouterr().err
    assert "[0.0, 2.0, 4.0, 6.0, 8.0]" in capsys.readouterr().out
    assert not [name for name in sys.modules if name.startswith("lab_library_of_this_test")]


RANKS = """
import torch

def bench(_own):
    dist = torch.distributed
    dist.init_process_group("nccl")
    x, y = torch.arange(6), torch.zeros(8)
    work = dist.all_reduce(x[1:4], op=dist.ReduceOp.SUM, async_op=True)
    before = x.array.tolist()
    work.wait()
    peer = 1 - dist.get_rank()
    for each in dist.batch_isend_irecv([dist.P2POp(dist.isend, x, peer), dist.P2POp(dist.irecv, y[2:], peer)]):
        each.wait()
    assert before == [0, 1, 2, 3, 4, 5], before
    assert x.array.tolist() == [0, 2, 4, 6, 4, 5], x.array
    assert y.array.tolist() == [0, 0, 0, 2, 4, 6, 4, 5], y.array
    buckets = torch.arange(512)
    works = []
    for begin in range(0, 512, 128):  # what is under way is not overwritten by what its neighbour begins with
        works.append(dist.all_reduce(buckets[begin : begin + 128], async_op=True))
        dist.barrier()
    for work in works:
        work.wait()
    assert buckets.array.tolist() == [2 * each for each in range(512)], buckets.array
"""


def test_ranks_reduce_and_exchange_torch_tensors_where_torch_has_them(torch, capsys, tmp_path):
    (tmp_path / "ranks.py").write_text(RANKS)
    command = ["run", "ranks.py", "--sips", "2", "--workers", "1", *TINY]
    assert execute(command) == 0, capsys.readouterr().err
    assert sys.modules["torch"] is torch


def test_a_package_to_emulate_that_is_not_installed_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uses.py").write_text("x = 1\n")
    assert execute(["run", "uses.py", "--emulate", "no_such_package_anywhere"]) == 2
    assert "--emulate no_such_package_anywhere: no such package is installed" in capsys.readouterr().err
