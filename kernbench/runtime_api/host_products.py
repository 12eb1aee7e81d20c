"""Products and sums over axes that no kernel of ours computes, by the host: einsum, outer, norms, logsumexp."""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.host_array import axes, back, values

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


def einsum(equation: str, *operands: Any) -> "Tensor":
    """Sums of products by the letters of the axes; operands have one type, which the result has too."""
    parts = tuple(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    _same_type("einsum", *parts)
    return back(parts[0], np.einsum(equation.replace(" ", ""), *map(values, parts), optimize=len(parts) > 2))


def outer(x: "Tensor", vec2: "Tensor") -> "Tensor":
    """Each element of one vector times each of another."""
    return back(x, np.outer(values(x), values(vec2)))


def dot(x: "Tensor", other: "Tensor") -> "Tensor":
    """The sum of the products of two vectors."""
    if x.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {x.ndim}D and {other.ndim}D tensors")
    _same_type("dot", x, other)
    return back(x, np.dot(values(x), values(other)))


def mv(x: "Tensor", vec: "Tensor") -> "Tensor":
    """The product of a matrix and a vector."""
    return x.matmul(vec)


def addmm(x: "Tensor", mat1: "Tensor", mat2: "Tensor", *, beta: Any = 1, alpha: Any = 1) -> "Tensor":
    """`beta` times `x` plus `alpha` times a product of matrices."""
    _same_type("addmm", mat1, mat2)
    product = alpha * np.matmul(values(mat1), values(mat2))
    return back(mat1, product + beta * values(x) if beta else product)


def tensordot(x: "Tensor", other: "Tensor", dims: Any = 2) -> "Tensor":
    """The sum of products over the last axes of one and the first of another, or over named ones."""
    return back(x, np.tensordot(values(x), values(other), dims))


def kron(x: "Tensor", other: "Tensor") -> "Tensor":
    """Each element of one times the other, side by side."""
    return back(x, np.kron(values(x), values(other)))


def trace(x: "Tensor") -> "Tensor":
    """The sum of a matrix's diagonal."""
    return back(x, np.trace(values(x)))


def logsumexp(x: "Tensor", dim: Any, keepdim: Any = False) -> "Tensor":
    """The logarithm of the sum of the powers of e along axes."""
    array, along = values(x), axes(dim)
    most = np.max(array, axis=along, keepdims=True)
    shift = np.where(np.isfinite(most), most, 0)
    with np.errstate(all="ignore"):
        found = np.log(np.sum(np.exp(array - shift), axis=along, keepdims=True)) + shift
    return back(x, found if keepdim else np.squeeze(found, along))


def var_mean(x: "Tensor", dim: Any = None, *, correction: Any = 1, keepdim: Any = False) -> tuple["Tensor", "Tensor"]:
    """The variance and the mean along axes."""
    found = np.mean(values(x), axis=axes(dim), keepdims=keepdim and dim is not None)
    return x.var(dim, correction=correction, keepdim=keepdim), back(x, found)


def std_mean(x: "Tensor", dim: Any = None, *, correction: Any = 1, keepdim: Any = False) -> tuple["Tensor", "Tensor"]:
    """The standard deviation and the mean along axes."""
    found = np.mean(values(x), axis=axes(dim), keepdims=keepdim and dim is not None)
    return x.std(dim, correction=correction, keepdim=keepdim), back(x, found)


def aminmax(x: "Tensor", *, dim: Any = None, keepdim: Any = False) -> tuple["Tensor", "Tensor"]:
    """The least and the greatest element along an axis or of all."""
    return x.amin(dim, keepdim), x.amax(dim, keepdim)


def norm(x: "Tensor", p: Any = "fro", dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> "Tensor":
    """The p-norm of the elements along axes or of all: a number, "fro" for 2, or infinity."""
    power = 2.0 if p in ("fro", None) else float(p)
    array, along = np.abs(values(x)), axes(dim)
    keep = keepdim and dim is not None
    if np.isinf(power):
        found = (np.max if power > 0 else np.min)(array, axis=along, keepdims=keep)
    elif power == 0:
        found = np.sum(array != 0, axis=along, keepdims=keep)
    else:
        found = np.sum(array**power, axis=along, keepdims=keep) ** (1 / power)
    return back(x, found, dtype)


def vector_norm(x: "Tensor", ord: Any = 2, dim: Any = None, keepdim: Any = False, *, dtype: Any = None) -> "Tensor":  # noqa: A002
    """`torch.linalg.vector_norm`: the p-norm of the elements along axes or of all."""
    return norm(x, ord, dim, keepdim, dtype=dtype)


def inv(x: "Tensor") -> "Tensor":
    """`torch.linalg.inv`: inverses of matrices."""
    return back(x, np.linalg.inv(values(x)))


def det(x: "Tensor") -> "Tensor":
    """`torch.linalg.det`: determinants of matrices."""
    return back(x, np.linalg.det(values(x)))


def solve(x: "Tensor", b: "Tensor") -> "Tensor":
    """`torch.linalg.solve`: what a matrix makes `b` of."""
    return back(x, np.linalg.solve(values(x), values(b)))


def solve_triangular(x: "Tensor", b: "Tensor", *, upper: Any, left: Any = True, unitriangular: Any = False) -> "Tensor":
    """`torch.linalg.solve_triangular`: what a triangle of a matrix makes `b` of."""
    array = np.triu(values(x)) if upper else np.tril(values(x))
    if unitriangular:
        eye = np.eye(array.shape[-1])
        array = array * (1 - eye) + eye
    if left:
        return back(x, np.linalg.solve(array, values(b)))
    found = np.linalg.solve(np.swapaxes(array, -1, -2), np.swapaxes(values(b), -1, -2))
    return back(x, np.swapaxes(found, -1, -2))


def broadcast_tensors(*tensors: "Tensor") -> tuple["Tensor", ...]:
    """The tensors in the shape that they have together."""
    shape = np.broadcast_shapes(*(tuple(each.shape) for each in tensors))
    return tuple(each.expand(*shape) for each in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple["Tensor", ...]:
    """Coordinates of a grid whose axes are the vectors: copies."""
    parts = tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors
    found = np.meshgrid(*(each.numpy() for each in parts), indexing=indexing)  # type: ignore[call-overload]
    return tuple(back(each, array) for each, array in zip(parts, found, strict=True))


def cartesian_prod(*tensors: "Tensor") -> "Tensor":
    """Every choice of one element of each vector, a row each."""
    grids = np.meshgrid(*(each.numpy() for each in tensors), indexing="ij")
    count = prod(each.shape[0] for each in tensors)
    found = np.stack([each.reshape(count) for each in grids], -1)
    return back(tensors[0], found if len(tensors) > 1 else found.reshape(count))


def _same_type(name: str, *tensors: "Tensor") -> None:
    first = tensors[0].dtype
    for each in tensors[1:]:
        if each.dtype is not first:
            raise RuntimeError(
                f"{name}: expected tensors of the same dtype, but got: {first.name} != {each.dtype.name}"
            )


LINALG: dict[str, Callable[..., Any]] = {
    **{each.__name__: each for each in (vector_norm, inv, det, solve, solve_triangular)},
    "norm": vector_norm,
}
"""What `torch.linalg` has."""
FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        einsum, outer, dot, mv, addmm, tensordot, kron, trace, logsumexp, var_mean, std_mean, aminmax, norm,
        broadcast_tensors, meshgrid, cartesian_prod,
    )
}  # fmt: skip
