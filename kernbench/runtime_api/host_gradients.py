"""Derivatives of the functions that `tracking` notes, in numpy and float64.

A rule takes the gradient of the result, the result, and the function's arguments by name; it gives a gradient by name of
argument, of the shape of the result where the argument was broadcast.
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import numpy as np

from kernbench.runtime_api.host_layer_gradients import LAYERS, Rule
from kernbench.runtime_api.missing import Missing
from kernbench.triton_emu.dtype import DType


def _one(derivative: Callable[[Any, Any], Any]) -> Rule:
    """The rule of a function of each element, from its derivative: of the element and of the result."""

    def rule(g: Any, out: Any, **given: Any) -> dict[str, Any]:
        name = "x" if "x" in given else "self"
        return {name: g * derivative(given[name], out)}

    return rule


def _two(left: Callable[[Any, Any], Any], right: Callable[[Any, Any], Any]) -> Rule:
    """The rule of a function of two operands, from its two derivatives."""

    def rule(g: Any, _out: Any, **given: Any) -> dict[str, Any]:
        first, second = ("self", "other") if "self" in given else ("left", "right")
        a, b = given[first], given[second]
        return {first: g * left(a, b), second: g * right(a, b)}

    return rule


def _swapped(rule: Rule) -> Rule:
    """The rule of a reflected operator: the tensor is the second operand, a number the first."""

    def reflected(g: Any, out: Any, **given: Any) -> dict[str, Any]:
        found = rule(g, out, self=given["other"], other=given["self"])
        return {"self": found["other"], "other": found["self"]}

    return reflected


_ADD = _two(lambda _a, _b: 1.0, lambda _a, _b: 1.0)
_SUB = _two(lambda _a, _b: 1.0, lambda _a, _b: -1.0)
_MUL = _two(lambda _a, b: b, lambda a, _b: a)
_DIV = _two(lambda _a, b: 1 / b, lambda a, b: -a / b**2)
_POW = _two(lambda a, b: b * a ** (b - 1.0), lambda a, b: a**b * np.log(np.where(np.asarray(a) > 0, a, 1.0)))
_MOST = _two(lambda a, b: (a > b) + 0.5 * (a == b), lambda a, b: (b > a) + 0.5 * (a == b))
_LEAST = _two(lambda a, b: (a < b) + 0.5 * (a == b), lambda a, b: (b < a) + 0.5 * (a == b))


def _sigmoid(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _wide(g: Any, shape: Any, dim: Any, keepdim: Any) -> Any:
    """The gradient of a reduction, in the shape of what was reduced."""
    if dim is None:
        return np.broadcast_to(np.reshape(g, (1,) * len(shape)), shape)
    along = tuple(each % len(shape) for each in ((dim,) if isinstance(dim, int) else dim))
    return np.broadcast_to(g if keepdim else np.expand_dims(g, along), shape)


def _sum(g: Any, _out: Any, self: Any, dim: Any = None, keepdim: Any = False, **_kind: Any) -> dict[str, Any]:
    return {"self": _wide(g, self.shape, dim, keepdim)}


def _mean(g: Any, out: Any, self: Any, dim: Any = None, keepdim: Any = False, **_kind: Any) -> dict[str, Any]:
    return {"self": _wide(g, self.shape, dim, keepdim) * (max(np.size(out), 1) / self.size)}


def _extreme(g: Any, out: Any, self: Any, dim: Any = None, keepdim: Any = False) -> dict[str, Any]:
    there = self == _wide(out, self.shape, dim, keepdim)
    along = None if dim is None else tuple(np.atleast_1d(dim))
    return {"self": _wide(g, self.shape, dim, keepdim) * there / there.sum(along, keepdims=True)}


def _other_extreme(two: Rule) -> Rule:
    """`max` and `min`: of all, along an axis, or of two tensors."""

    def rule(g: Any, out: Any, self: Any, dim: Any = None, keepdim: Any = False) -> dict[str, Any]:
        if isinstance(dim, np.ndarray):
            found = two(g, out, self=self, other=dim)
            return {"self": found["self"], "dim": found["other"]}
        return _first_extreme(g, out, self, dim, keepdim)

    return rule


def _first_extreme(g: Any, out: Any, self: Any, dim: Any = None, keepdim: Any = False) -> dict[str, Any]:
    """`max` and `min` along an axis: the place that they tell has the gradient."""
    if dim is None:
        return _extreme(g, out, self)
    there = self == _wide(out, self.shape, dim, keepdim)
    first = there & (np.cumsum(there, axis=dim) == 1)
    return {"self": _wide(g, self.shape, dim, keepdim) * first}


def _var(
    g: Any, _out: Any, self: Any, dim: Any = None, unbiased: Any = None, keepdim: Any = False, correction: Any = 1
) -> Any:
    along = None if dim is None else tuple(np.atleast_1d(dim))
    apart = self - self.mean(along, keepdims=True)
    count = self.size if along is None else np.prod([self.shape[each] for each in along])
    less = correction if unbiased is None else int(unbiased)
    return {"self": _wide(g, self.shape, dim, keepdim) * 2 * apart / (count - less)}


def _softmax(g: Any, out: Any, self: Any, dim: Any = -1, dtype: Any = None) -> dict[str, Any]:
    del self, dtype
    return {"self": out * (g - (g * out).sum(dim, keepdims=True))}


def _log_softmax(g: Any, out: Any, self: Any, dim: Any = -1, dtype: Any = None) -> dict[str, Any]:
    del self, dtype
    return {"self": g - np.exp(out) * g.sum(dim, keepdims=True)}


def _logsumexp(g: Any, out: Any, x: Any, dim: Any, keepdim: Any = False) -> dict[str, Any]:
    return {"x": _wide(g, x.shape, dim, keepdim) * np.exp(x - _wide(out, x.shape, dim, keepdim))}


def _matmul(g: Any, _out: Any, self: Any, other: Any) -> dict[str, Any]:
    a = self[None] if self.ndim == 1 else self
    b = other[:, None] if other.ndim == 1 else other
    g = np.expand_dims(g, -2) if self.ndim == 1 else g
    g = np.expand_dims(g, -1) if other.ndim == 1 else g
    left, right = g @ np.swapaxes(b, -1, -2), np.swapaxes(a, -1, -2) @ g
    return {
        "self": left[..., 0, :] if self.ndim == 1 else left,
        "other": right[..., 0] if other.ndim == 1 else right,
    }


def _reshape(g: Any, _out: Any, self: Any, shape: Any = (), **_dims: Any) -> dict[str, Any]:
    if any(isinstance(each, DType) for each in shape):
        raise Missing("torch.Tensor.view as another type: its gradient")
    return {"self": g.reshape(self.shape)}


def _same(g: Any, _out: Any, **given: Any) -> dict[str, Any]:
    return {"self" if "self" in given else "x": g}


def _permute(g: Any, _out: Any, self: Any, order: Any) -> dict[str, Any]:
    axes = tuple(order[0]) if len(order) == 1 and not isinstance(order[0], int) else order
    return {"self": np.transpose(g, np.argsort([axis % self.ndim for axis in axes]))}


def _getitem(g: Any, _out: Any, self: Any, key: Any) -> dict[str, Any]:
    made = np.zeros(self.shape)
    np.add.at(made, key, g)
    return {"self": made}


def _where(g: Any, _out: Any, self: Any, x: Any, y: Any) -> dict[str, Any]:
    del x, y
    return {"x": np.where(self, g, 0), "y": np.where(self, 0, g)}


def _masked_fill(g: Any, _out: Any, self: Any, mask: Any, value: Any) -> dict[str, Any]:
    del self, value
    return {"self": np.where(mask, 0, g)}


def _clamp(g: Any, _out: Any, self: Any, min: Any = None, max: Any = None) -> dict[str, Any]:  # noqa: A002  # torch's names
    inside = (True if min is None else self >= min) & (True if max is None else self <= max)
    return {"self": g * inside}


def _cumsum(g: Any, _out: Any, self: Any, dim: Any, dtype: Any = None) -> dict[str, Any]:
    del self, dtype
    return {"self": np.flip(np.cumsum(np.flip(g, dim), axis=dim), dim)}


def _triangle(cut: Callable[..., Any]) -> Rule:
    def rule(g: Any, _out: Any, diagonal: Any = 0, **_given: Any) -> dict[str, Any]:
        return {"x": cut(g, diagonal)}

    return rule


def _flip(g: Any, _out: Any, x: Any, along: Any = (), dims: Any = None) -> dict[str, Any]:
    given = along if dims is None else (dims,)
    return {"x": np.flip(g, tuple(np.ravel(given)) if len(given) else tuple(range(x.ndim)))}


def _cat(g: Any, _out: Any, tensors: Any, dim: Any = 0, **_torch: Any) -> dict[str, Any]:
    return {"tensors": np.split(g, np.cumsum([each.shape[dim] for each in tensors])[:-1], dim)}


def _gather(g: Any, _out: Any, x: Any, dim: Any, index: Any, sparse_grad: Any = False) -> dict[str, Any]:
    del sparse_grad
    places = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    made = np.zeros(x.shape)
    np.add.at(made, tuple(places), g)
    return {"x": made}


def _einsum(g: Any, _out: Any, equation: str, operands: Any) -> dict[str, Any]:
    """Each operand's gradient is the sum of products of the result's and the other operands, by their letters."""
    parts = operands[0] if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    given, _, result = equation.replace(" ", "").partition("->")
    letters = given.split(",")
    if "..." in equation or any(len(set(each)) < len(each) for each in letters):
        raise Missing(f"torch.einsum: the gradient of {equation!r}")
    if "->" not in equation:
        result = "".join(sorted(each for each in set(given) - {","} if given.count(each) == 1))
    found = []
    for number, own in enumerate(letters):
        others = [(names, part) for at, (names, part) in enumerate(zip(letters, parts, strict=True)) if at != number]
        known = set(result).union(*(set(names) for names, _ in others))
        alone = [(each, np.ones(parts[number].shape[own.index(each)])) for each in own if each not in known]
        terms = [(result, g), *others, *alone]
        found.append(np.einsum(",".join(names for names, _ in terms) + "->" + own, *(part for _, part in terms)))
    return {"operands": found}


def _repeat_interleave(g: Any, _out: Any, x: Any, repeats: Any, dim: Any = None, **_size: Any) -> dict[str, Any]:
    source = x.reshape(-1) if dim is None else x
    axis = 0 if dim is None else dim % x.ndim
    counts = np.broadcast_to(repeats, source.shape[axis])
    made = np.zeros(source.shape)
    places: Any = (*[slice(None)] * axis, np.repeat(np.arange(len(counts)), counts))
    np.add.at(made, places, g)
    return {"x": made.reshape(x.shape)}


def _index_select(g: Any, _out: Any, x: Any, dim: Any, index: Any) -> dict[str, Any]:
    made = np.zeros(x.shape)
    np.add.at(made, (*[slice(None)] * (dim % x.ndim), index), g)
    return {"x": made}


def _outer(g: Any, _out: Any, x: Any, vec2: Any) -> dict[str, Any]:
    return {"x": g @ vec2.reshape(-1), "vec2": x.reshape(-1) @ g}


def _addmm(g: Any, _out: Any, x: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1) -> dict[str, Any]:
    del x
    return {"x": beta * g, "mat1": alpha * g @ mat2.T, "mat2": alpha * mat1.T @ g}


def _std(
    g: Any, out: Any, self: Any, dim: Any = None, unbiased: Any = None, keepdim: Any = False, correction: Any = 1
) -> Any:
    return _var(g / (2 * out), out, self, dim, unbiased, keepdim, correction)


def _norm(
    g: Any, out: Any, x: Any, p: Any = "fro", dim: Any = None, keepdim: Any = False, **_kind: Any
) -> dict[str, Any]:
    if p not in ("fro", 2, 2.0):
        raise Missing(f"torch.norm: the gradient for p={p}")
    return {"x": _wide(g, x.shape, dim, keepdim) * x / _wide(out, x.shape, dim, keepdim)}


RULES: dict[str, Rule] = {
    **LAYERS, "einsum": _einsum, "repeat_interleave": _repeat_interleave, "index_select": _index_select, "outer": _outer,
    "addmm": _addmm, "std": _std, "norm": _norm,
    "add": _ADD, "sub": _SUB, "mul": _MUL, "div": _DIV, "subtract": _SUB, "multiply": _MUL, "divide": _DIV, "bmm": _matmul, "tril": _triangle(np.tril),
    "triu": _triangle(np.triu), "flip": _flip, "__add__": _ADD, "__radd__": _ADD, "__sub__": _SUB, "__rsub__": _swapped(_SUB), "__mul__": _MUL, "__rmul__": _MUL,
    "__truediv__": _DIV, "__rtruediv__": _swapped(_DIV), "__pow__": _POW, "__rpow__": _swapped(_POW), "pow": _POW,
    "__neg__": _one(lambda _x, _y: -1.0), "neg": _one(lambda _x, _y: -1.0), "__abs__": _one(lambda x, _y: np.sign(x)),
    "abs": _one(lambda x, _y: np.sign(x)), "exp": _one(lambda _x, y: y), "log": _one(lambda x, _y: 1 / x),
    "sqrt": _one(lambda _x, y: 0.5 / y), "rsqrt": _one(lambda x, y: -0.5 * y / x), "square": _one(lambda x, _y: 2 * x),
    "sigmoid": _one(lambda _x, y: y * (1 - y)), "tanh": _one(lambda _x, y: 1 - y**2), "relu": _one(lambda x, _y: x > 0),
    "silu": _one(lambda x, _y: _sigmoid(x) * (1 + x * (1 - _sigmoid(x)))), "sin": _one(lambda x, _y: np.cos(x)),
    "cos": _one(lambda x, _y: -np.sin(x)), "reciprocal": _one(lambda _x, y: -(y**2)), "exp2": _one(lambda _x, y: y * np.log(2)),
    "log2": _one(lambda x, _y: 1 / (x * np.log(2))), "log1p": _one(lambda x, _y: 1 / (1 + x)),
    "expm1": _one(lambda _x, y: y + 1), "erf": _one(lambda x, _y: 2 / sqrt(pi) * np.exp(-(x**2))),
    "softplus": _one(lambda x, _y: _sigmoid(x)), "logsigmoid": _one(lambda x, _y: _sigmoid(-x)), "maximum": _MOST,
    "minimum": _LEAST, "sum": _sum, "mean": _mean, "amax": _extreme, "amin": _extreme, "max": _other_extreme(_MOST),
    "min": _other_extreme(_LEAST), "var": _var, "softmax": _softmax, "log_softmax": _log_softmax, "logsumexp": _logsumexp,
    "matmul": _matmul, "__matmul__": _matmul, "view": _reshape, "reshape": _reshape, "permute": _permute, "to": _same,
    "type": _same, "clone": _same, "contiguous": _same, "expand": _same, "__getitem__": _getitem, "where": _where,
    "masked_fill": _masked_fill, "clamp": _clamp, "clip": _clamp, "cumsum": _cumsum, "cat": _cat, "gather": _gather,
}  # fmt: skip
"""By the name that `tracking` knows a function by."""
