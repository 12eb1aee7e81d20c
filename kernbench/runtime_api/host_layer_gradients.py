"""Derivatives of the functions of `torch.nn.functional`, in numpy and float64; the rules of `host_gradients` hold."""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import numpy as np

from kernbench.runtime_api.host_elementwise import erf_of
from kernbench.runtime_api.missing import Missing

Rule = Callable[..., dict[str, Any]]


def _gelu(g: Any, _out: Any, x: Any, approximate: str = "none") -> dict[str, Any]:
    if approximate == "none":
        return {"x": g * (0.5 * (1 + erf_of(x / sqrt(2))) + x * np.exp(-0.5 * x**2) / sqrt(2 * pi))}
    inner = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))
    slope = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)
    return {"x": g * (0.5 * (1 + inner) + 0.5 * x * (1 - inner**2) * slope)}


def _rms_norm(g: Any, out: Any, x: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> dict[str, Any]:
    along = tuple(range(-len(tuple(normalized_shape)), 0))
    if eps is None:  # the forward's depends on the type; how much longer the result is tells it
        longer = x if weight is None else x * weight
        scale = np.sqrt(np.sum(out**2, axis=along, keepdims=True) / np.sum(longer**2, axis=along, keepdims=True))
    else:
        scale = 1 / np.sqrt(np.mean(x**2, axis=along, keepdims=True) + eps)
    normal, wide = x * scale, g if weight is None else g * weight
    found = {"x": scale * (wide - normal * np.mean(wide * normal, axis=along, keepdims=True))}
    return found if weight is None else {**found, "weight": g * normal}


def _layer_norm(
    g: Any, _out: Any, x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: Any = 1e-5
) -> dict[str, Any]:
    count = 1 if isinstance(normalized_shape, int) else len(tuple(normalized_shape))
    along = tuple(range(-count, 0))
    spread = np.sqrt(x.var(along, keepdims=True) + eps)
    normal = (x - x.mean(along, keepdims=True)) / spread
    wide = g if weight is None else g * weight
    inner = wide - normal * np.mean(wide * normal, axis=along, keepdims=True)
    found = {"x": (inner - wide.mean(along, keepdims=True)) / spread, "weight": g * normal, "bias": g}
    return {name: each for name, each in found.items() if name == "x" or (weight, bias)[name == "bias"] is not None}


def _cross_entropy(
    g: Any, _out: Any, x: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> dict[str, Any]:  # fmt: skip
    scores = x if x.ndim == 1 else np.moveaxis(x, 1, -1)
    count = scores.shape[-1]
    power = np.exp(scores - scores.max(-1, keepdims=True))
    share = power / power.sum(-1, keepdims=True)
    scale = np.ones(count) if weight is None else weight
    if target.dtype.kind == "f":
        wanted = target if x.ndim == 1 else np.moveaxis(target, 1, -1)
        real, total = 1.0, max(wanted.size // count, 1)
    else:
        there = target != ignore_index
        wanted = np.eye(count)[np.where(there, target, 0)]
        real, total = there[..., None], (scale[np.where(there, target, 0)] * there).sum()
    wanted = (wanted * (1 - label_smoothing) + label_smoothing / count) * scale * real
    slope = share * wanted.sum(-1, keepdims=True) - wanted
    slope = slope * (g[..., None] if reduction == "none" else g / total if reduction == "mean" else g)
    return {"x": slope if x.ndim == 1 else np.moveaxis(slope, -1, 1)}


def _mse_loss(g: Any, _out: Any, x: Any, target: Any, reduction: str = "mean") -> dict[str, Any]:
    slope = 2 * (x - target) * (g / x.size if reduction == "mean" else g)
    return {"x": slope, "target": -slope}


def _embedding(g: Any, _out: Any, x: Any, weight: Any, padding_idx: Any = None) -> dict[str, Any]:
    made = np.zeros(weight.shape)
    np.add.at(made, x, g)
    if padding_idx is not None:
        made[padding_idx] = 0
    return {"weight": made}


def _attention(
    g: Any, out: Any, query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: Any = 0.0, is_causal: Any = False,
    scale: Any = None, enable_gqa: Any = False,
) -> dict[str, Any]:  # fmt: skip
    del dropout_p
    groups = query.shape[-3] // key.shape[-3] if enable_gqa else 1
    k, v = (np.repeat(each, groups, -3) if groups > 1 else each for each in (key, value))
    factor = 1 / sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ np.swapaxes(k, -1, -2) * factor
    if is_causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool else scores + attn_mask
    power = np.exp(scores - scores.max(-1, keepdims=True))
    share = power / power.sum(-1, keepdims=True)
    slope = share * (g @ np.swapaxes(v, -1, -2) - (g * out).sum(-1, keepdims=True)) * factor
    found = {"query": slope @ k, "key": np.swapaxes(slope, -1, -2) @ query, "value": np.swapaxes(share, -1, -2) @ g}
    if groups > 1:
        for name, each in (("key", key), ("value", value)):
            whole = found[name]
            found[name] = whole.reshape(*whole.shape[:-3], each.shape[-3], groups, *each.shape[-2:]).sum(-3)
    return found


def _nll_loss(
    g: Any, _out: Any, x: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> dict[str, Any]:
    logs = x if x.ndim == 1 else np.moveaxis(x, 1, -1)
    there = target != ignore_index
    safe = np.where(there, target, 0)
    weights = (np.ones(logs.shape[-1]) if weight is None else weight)[safe] * there
    slope = -np.eye(logs.shape[-1])[safe] * weights[..., None]
    slope = slope * (g[..., None] if reduction == "none" else g / weights.sum() if reduction == "mean" else g)
    return {"x": slope if x.ndim == 1 else np.moveaxis(slope, -1, 1)}


def _kl_div(
    g: Any, _out: Any, x: Any, target: Any, reduction: str = "mean", log_target: bool = False
) -> dict[str, Any]:
    share = {"batchmean": g / x.shape[0], "mean": g / x.size}.get(reduction, g)
    return {"x": -(np.exp(target) if log_target else target) * share}


def _bce(g: Any, _out: Any, x: Any, target: Any, reduction: str = "mean") -> dict[str, Any]:
    return {"x": (0.5 * (1 + np.tanh(0.5 * x)) - target) * (g / x.size if reduction == "mean" else g)}


def _l1_loss(g: Any, _out: Any, x: Any, target: Any, reduction: str = "mean") -> dict[str, Any]:
    slope = np.sign(x - target) * (g / x.size if reduction == "mean" else g)
    return {"x": slope, "target": -slope}


def _normalize(g: Any, out: Any, x: Any, p: Any = 2.0, dim: Any = 1, eps: Any = 1e-12) -> dict[str, Any]:
    if p != 2:
        raise Missing(f"torch.nn.functional.normalize: the gradient for p={p}")
    length = np.maximum(np.sqrt(np.sum(x**2, axis=dim, keepdims=True)), eps)
    return {"x": (g - out * np.sum(g * out, axis=dim, keepdims=True)) / length}


def _pad(g: Any, _out: Any, x: Any, pad: Any, mode: str = "constant", value: Any = None) -> dict[str, Any]:
    del value
    if mode != "constant" or min(pad) < 0:
        raise Missing(f"torch.nn.functional.pad: the gradient for {mode}, {pad}")
    before = [0] * (x.ndim - len(pad) // 2) + [pad[at] for at in range(len(pad) - 2, -1, -2)]
    return {"x": g[tuple(slice(at, at + extent) for at, extent in zip(before, x.shape, strict=True))]}


LAYERS: dict[str, Rule] = {
    "gelu": _gelu, "rms_norm": _rms_norm, "layer_norm": _layer_norm, "cross_entropy": _cross_entropy, "mse_loss": _mse_loss,
    "embedding": _embedding, "scaled_dot_product_attention": _attention, "nll_loss": _nll_loss, "kl_div": _kl_div,
    "binary_cross_entropy_with_logits": _bce, "l1_loss": _l1_loss, "normalize": _normalize, "pad": _pad,
}  # fmt: skip
