"""What is computed element by element: residual sums, GeLU, SwiGLU, and their gradients."""

from kernbench.runtime_api.parallel.compute import Compute
from kernbench.runtime_api.parallel.pointwise_kernel import pointwise
from kernbench.runtime_api.tensor import Tensor

BLOCK = 4096
"""Elements at once: 16 KiB of float32, of which about eight are alive."""


def apply(compute: Compute, name: str, targets: tuple[Tensor, ...], sources: tuple[Tensor, ...]) -> None:
    """Run function `name` of `pointwise_kernel`; operands are matrices of one shape, contiguous along their rows."""
    rows, width = sources[0].shape
    pes = compute.grid.pes
    share = -(-rows // len(pes))
    piece = min(1 << (width - 1).bit_length(), BLOCK)
    step = max(min(BLOCK // piece, 1 << (share - 1).bit_length()), 1)
    outs, ins = (tuple(each.stride(0) for each in group) for group in (targets, sources))
    launch = pointwise.launch((-(-rows // share),), targets, sources, name, outs, ins, rows, width, share, step, piece)
    loaded, stored = (sum(each.nbytes for each in group) for group in (sources, targets))
    compute.run(launch, pes, loaded, stored)


def add(compute: Compute, a: Tensor, b: Tensor) -> Tensor:
    """The sum of two matrices."""
    out = compute.activations_like(a)
    apply(compute, "add", (out,), (a, b))
    return out
