"""`torch.nn.functional` by the host, for references: activations, norms, losses, attention.

Floats are computed in float64 and rounded once to the type of the first tensor.
"""

from collections.abc import Callable
from math import pi, prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.host_array import axes, back, values
from kernbench.runtime_api.host_elementwise import erf_of
from kernbench.runtime_api.missing import Missing
from kernbench.triton_emu.dtype import int64, limits

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


def _sigmoid(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * x))


def gelu(x: "Tensor", *, approximate: str = "none") -> "Tensor":
    """X times the normal distribution function of x, or with "tanh" what comes near it."""
    array = values(x)
    if approximate == "tanh":
        return back(x, 0.5 * array * (1 + np.tanh(sqrt(2 / pi) * (array + 0.044715 * array**3))))
    if approximate != "none":
        raise RuntimeError("approximate argument must be either none or tanh.")
    return back(x, 0.5 * array * (1 + erf_of(array / sqrt(2))))


def softplus(x: "Tensor", beta: Any = 1.0, threshold: Any = 20.0) -> "Tensor":
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold."""
    array = values(x)
    return back(x, np.where(beta * array > threshold, array, np.logaddexp(0, beta * array) / beta))


def logsigmoid(x: "Tensor") -> "Tensor":
    """The logarithm of the sigmoid."""
    return back(x, -np.logaddexp(0, -values(x)))


def elu(x: "Tensor", alpha: Any = 1.0) -> "Tensor":
    """X above 0, else alpha (exp(x) - 1)."""
    array = values(x)
    return back(x, np.where(array > 0, array, alpha * np.expm1(np.minimum(array, 0))))


def leaky_relu(x: "Tensor", negative_slope: Any = 0.01) -> "Tensor":
    """X above 0, else `negative_slope` x."""
    array = values(x)
    return back(x, np.where(array > 0, array, negative_slope * array))


def relu6(x: "Tensor") -> "Tensor":
    """What is above 0, at most 6."""
    return x.clamp(0, 6)


def hardswish(x: "Tensor") -> "Tensor":
    """X times (x + 3), between 0 and 6, over 6."""
    array = values(x)
    return back(x, array * np.clip(array + 3, 0, 6) / 6)


def mish(x: "Tensor") -> "Tensor":
    """X times the hyperbolic tangent of its softplus."""
    array = values(x)
    return back(x, array * np.tanh(np.logaddexp(0, array)))


def glu(x: "Tensor", dim: Any = -1) -> "Tensor":
    """The first half times the sigmoid of the second."""
    first, second = np.split(values(x), 2, dim)
    return back(x, first * _sigmoid(second))


def normalize(x: "Tensor", p: Any = 2.0, dim: Any = 1, eps: Any = 1e-12) -> "Tensor":
    """Elements over the p-norm along `dim`, or over `eps` if that is greater."""
    array = values(x)
    length = np.sum(np.abs(array) ** p, axis=axes(dim), keepdims=True) ** (1 / p)
    return back(x, array / np.maximum(length, eps))


def rms_norm(x: "Tensor", normalized_shape: Any, weight: Any = None, eps: Any = None) -> "Tensor":
    """Elements over the root of their mean square plus `eps`, over the last axes, times `weight`."""
    array = values(x)
    along = tuple(range(-len(tuple(normalized_shape)), 0))
    if eps is None:
        eps = limits(x.dtype).eps
    found = array / np.sqrt(np.mean(array**2, axis=along, keepdims=True) + eps)
    return back(x, found if weight is None else found * values(weight))


def group_norm(x: "Tensor", num_groups: Any, weight: Any = None, bias: Any = None, eps: Any = 1e-5) -> "Tensor":
    """Elements less their mean over their standard deviation, in groups of channels (axis 1), times `weight` plus `bias`."""
    array = values(x)
    grouped = array.reshape(array.shape[0], num_groups, -1)
    normal = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) + eps)
    shape = (1, -1, *[1] * (array.ndim - 2))
    scale = 1 if weight is None else values(weight).reshape(shape)
    return back(x, normal.reshape(array.shape) * scale + (0 if bias is None else values(bias).reshape(shape)))


def _reduced(x: "Tensor", losses: Any, reduction: str) -> "Tensor":
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return back(x, losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum())


def mse_loss(x: "Tensor", target: "Tensor", *, reduction: str = "mean") -> "Tensor":
    """The square of the difference."""
    return _reduced(x, (values(x) - values(target)) ** 2, reduction)


def l1_loss(x: "Tensor", target: "Tensor", *, reduction: str = "mean") -> "Tensor":
    """The magnitude of the difference."""
    return _reduced(x, np.abs(values(x) - values(target)), reduction)


def kl_div(x: "Tensor", target: "Tensor", *, reduction: str = "mean", log_target: bool = False) -> "Tensor":
    """Target (log target - x), where x is a logarithm; "batchmean" divides the sum by the first extent."""
    array, wanted = values(x), values(target)
    with np.errstate(all="ignore"):
        losses = (
            np.exp(wanted) * (wanted - array)
            if log_target
            else np.where(wanted > 0, wanted * (np.log(wanted) - array), 0)
        )
    if reduction == "batchmean":
        return back(x, losses.sum() / x.shape[0])
    return _reduced(x, losses, reduction)


def binary_cross_entropy_with_logits(x: "Tensor", target: "Tensor", *, reduction: str = "mean") -> "Tensor":
    """The cross entropy of a sigmoid."""
    array = values(x)
    return _reduced(x, np.logaddexp(0, array) - array * values(target), reduction)


def cross_entropy(
    x: "Tensor",
    target: "Tensor",
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> "Tensor":
    """The negative logarithm of the softmax over the classes (axis 1, or the only one) at each target.

    `target` has a class for each row, or, as floats in the shape of `x`, a probability for each class.
    """
    scores = _classes_last(values(x))
    most = scores.max(-1, keepdims=True)
    logs = scores - most - np.log(np.exp(scores - most).sum(-1, keepdims=True))
    scale = np.ones(scores.shape[-1]) if weight is None else values(weight)
    if target.dtype.is_floating():
        count = scores.shape[-1]
        wanted = _classes_last(values(target)) * (1 - label_smoothing) + label_smoothing / count
        losses = -(wanted * logs * scale).sum(-1)
        return back(x, losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum())
    return _picked(x, logs, target, scale, ignore_index, reduction, label_smoothing)


def nll_loss(
    x: "Tensor", target: "Tensor", weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> "Tensor":
    """The negative of the logarithm that `x` has at each target."""
    logs = _classes_last(values(x))
    scale = np.ones(logs.shape[-1]) if weight is None else values(weight)
    return _picked(x, logs, target, scale, ignore_index, reduction, 0.0)


def _classes_last(array: Any) -> Any:
    return array if array.ndim == 1 else np.moveaxis(array, 1, -1)


def _picked(
    x: "Tensor", logs: Any, target: "Tensor", scale: Any, ignore_index: int, reduction: str, smoothing: float
) -> "Tensor":
    classes, count = target.numpy().astype(np.int64), logs.shape[-1]
    real = classes != ignore_index
    wrong = classes[real & ((classes < 0) | (classes >= count))]
    if wrong.size:
        raise IndexError(f"Target {wrong.flat[0]} is out of bounds.")
    safe = np.where(real, classes, 0)
    at = np.take_along_axis(logs, safe[..., None], -1)[..., 0]
    weights = scale[safe] * real
    losses = -at * weights
    if smoothing:
        even = -(logs * scale).sum(-1) * real
        losses = (1 - smoothing) * losses + smoothing / count * even
    if reduction == "mean":
        with np.errstate(all="ignore"):
            return back(x, losses.sum() / weights.sum())
    return _reduced(x, losses, reduction)


def embedding(x: "Tensor", weight: "Tensor", padding_idx: Any = None) -> "Tensor":
    """The rows of `weight` that the elements name."""
    del padding_idx
    places = x.numpy()
    if places.size and not (places.min() >= 0 and places.max() < weight.shape[0]):
        raise IndexError("index out of range in self")
    return back(weight, weight.numpy()[places])


def one_hot(x: "Tensor", num_classes: int = -1) -> "Tensor":
    """1 at the place that each element names, along a new last axis, else 0 (int64)."""
    places = x.numpy()
    count = int(places.max()) + 1 if num_classes == -1 else num_classes
    if places.size and places.max() >= count:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return back(x, np.eye(count, dtype=np.int64)[places], int64)


def pad(x: "Tensor", pad: Any, mode: str = "constant", value: Any = None) -> "Tensor":
    """More, or with negative counts fewer, elements before and after: pairs from the last axis on."""
    array = x.numpy()
    pairs = [(0, 0)] * (array.ndim - len(pad) // 2) + [(pad[at], pad[at + 1]) for at in range(len(pad) - 2, -1, -2)]
    cut = tuple(slice(max(0, -a), extent - max(0, -b)) for extent, (a, b) in zip(array.shape, pairs, strict=True))
    grown = [(max(0, a), max(0, b)) for a, b in pairs]
    if mode == "constant":
        return back(x, np.pad(array[cut], grown, constant_values=array.dtype.type(0 if value is None else value)))
    modes = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if mode not in modes:
        raise Missing(f"torch.nn.functional.pad with mode {mode!r}")
    return back(x, np.pad(array[cut], grown, mode=modes[mode]))  # type: ignore[call-overload]


def scaled_dot_product_attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> "Tensor":
    """softmax(q k^T scale + mask) v over the last two axes; `scale` is 1 / sqrt(width) unless given."""
    if dropout_p:
        raise Missing("scaled_dot_product_attention: dropout_p > 0")
    q, k, v = values(query), values(key), values(value)
    if enable_gqa:
        k, v = (np.repeat(each, q.shape[-3] // each.shape[-3], -3) for each in (k, v))
    scores = q @ np.swapaxes(k, -1, -2) * (1 / sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    if attn_mask is not None:
        mask = values(attn_mask)
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    with np.errstate(all="ignore"):
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        return back(query, powers / powers.sum(-1, keepdims=True) @ v)


def cosine_similarity(x1: "Tensor", x2: "Tensor", dim: int = 1, eps: float = 1e-8) -> "Tensor":
    """The product of two vectors along `dim` over their lengths."""
    a, b = values(x1), values(x2)
    lengths = [np.maximum(np.sqrt((each**2).sum(dim)), eps) for each in (a, b)]
    return back(x1, (a * b).sum(dim) / prod(lengths))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        gelu, softplus, logsigmoid, elu, leaky_relu, relu6, hardswish, mish, glu, normalize, rms_norm, group_norm, mse_loss,
        l1_loss, kl_div, binary_cross_entropy_with_logits, cross_entropy, nll_loss, embedding, one_hot, pad,
        scaled_dot_product_attention, cosine_similarity,
    )
}  # fmt: skip
