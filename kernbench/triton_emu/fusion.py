"""`acc += tl.dot(x, y)` as one product with an accumulator, as Triton's compiler makes of it."""

from kernbench.common.ops import Gemm, Math, Operation
from kernbench.triton_emu.dtype import float32
from kernbench.triton_emu.numerics import BINARY, elementwise

_ADD = elementwise(BINARY["+"], float32, float32)  # cached: each plain float32 addition carries this very function


def accumulates(product: Gemm, addition: Math) -> bool:
    """Whether `addition` adds a whole block of the product's size to it, in the type that both have."""
    made = product.output
    inputs = addition.inputs
    if addition.compute is not _ADD or len(product.inputs) != 2 or made is None or addition.output is None:
        return False
    return inputs.count(made) == 1 and inputs[0].nbytes == inputs[1].nbytes == addition.output.nbytes


def is_fusible(product: Gemm) -> bool:
    """Whether nobody but the addition wants the product by itself."""
    made = product.output
    return made is not None and not made.held and made.readers == 1


def fused(product: Gemm, addition: Operation) -> Gemm:
    """The product with the addition's other operand as accumulator; it takes the place of both."""
    (acc,) = [value for value in addition.inputs if value is not product.output]
    assert addition.output is not None
    assert product.compute is not None
    shape = product.m, product.n, product.k
    whole = Gemm(product.site, (*product.inputs, acc), addition.output, product.compute, (acc,), shape, product.batch)
    for value in (*product.inputs, *addition.inputs):
        value.readers -= 1
    return whole
