"""The unsharded layer in numpy, forward and backward: what the sharded ones are compared with."""

from typing import Any

import numpy as np

from kernbench.runtime_api.parallel.model_shape import ModelShape
from kernbench.runtime_api.parallel.parameter import Array, Uniform
from kernbench.runtime_api.parallel.pointwise_kernel import CUBIC, SLOPE
from kernbench.triton_emu.dtype import DType

EPS = 1e-5
TOLERANCE = 32
"""Wrong is what differs by more than so many units of the type's precision, of its own size or the whole's root mean square."""
_PRECISION = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


class ReferenceLayer:
    """A whole TransformerLayer of the same seed and title: weights are those of its type, arithmetic is `work`'s.

    `forward` and `backward` take and give [positions x batch, hidden_size]; `grads` maps each parameter to its gradient.
    """

    def __init__(
        self, shape: ModelShape, *, batch: int, seed: int, title: str, dtype: DType, work: type = np.float64
    ) -> None:
        self.shape, self.batch = shape, batch
        self.grads: dict[str, Array] = {}
        self._seed, self._title, self._dtype, self._work = seed, title, dtype, work
        self._saved: dict[str, Any] = {}

    def weight(self, name: str) -> Array:
        """A whole parameter, made anew each time: full-size ones are large."""
        shape, size = self.shape, self.shape.head_dim
        mixed = shape.kv_heads * (shape.queries_per_group + 2) * size
        extents = {
            "linear_qkv": (mixed, shape.hidden_size),
            "linear_proj": (shape.hidden_size, shape.heads * size),
            "linear_fc1": (shape.ffn * (1 + shape.gated), shape.hidden_size),
            "linear_fc2": (shape.hidden_size, shape.ffn),
        }
        full = f"{self._title}.{name}"
        if name in extents:
            rows, columns = extents[name]
            made = Uniform(self._seed, full, columns).rows(range(rows))
        else:
            made = Uniform(self._seed, full, shape.hidden_size, deviation=0.25, mean=1.0).rows(range(1))[0]
        exact: Array = made.astype(self._dtype.numpy).astype(self._work)
        return exact

    # -- forward -------------------------------------------------------------------------------------------------

    def forward(self, x: Array, caches: tuple[Array, Array] | None = None) -> Array:
        """The layer; with `caches` (keys, values: [positions, batch, groups, size]) of one new position."""
        x = x.astype(self._work)
        mixed = self._normed("input_layernorm", x) @ self.weight("linear_qkv").T
        middle = x + self._attended(mixed, caches) @ self.weight("linear_proj").T
        made = self._normed("pre_mlp_layernorm", middle) @ self.weight("linear_fc1").T
        self._saved["made"] = made
        out: Array = middle + self._activated(made) @ self.weight("linear_fc2").T
        return out

    def _normed(self, name: str, x: Array) -> Array:
        centre = x if self.shape.rms else x - x.mean(1, keepdims=True)
        rstd = 1 / np.sqrt((centre * centre).mean(1, keepdims=True) + EPS)
        self._saved[name] = centre * rstd, rstd
        out: Array = centre * rstd * self.weight(name)
        return out

    def _split(self, mixed: Array) -> tuple[Array, Array, Array]:
        """Queries [batch, groups, each, positions, size], keys and values [batch, groups, positions, size]."""
        shape, each = self.shape, self.shape.queries_per_group
        parts = mixed.reshape(-1, self.batch, shape.kv_heads, each + 2, shape.head_dim)
        q = parts[:, :, :, :each].transpose(1, 2, 3, 0, 4)
        k, v = (parts[:, :, :, each + number].transpose(1, 2, 0, 3) for number in range(2))
        return q, k, v

    def _attended(self, mixed: Array, caches: tuple[Array, Array] | None) -> Array:
        q, k, v = self._split(mixed)
        if caches is not None:
            k, v = (
                np.concatenate([cache[:-1].astype(self._work), new.transpose(2, 0, 1, 3)]).transpose(1, 2, 0, 3)
                for cache, new in zip(caches, (k, v), strict=True)
            )
        scale = self.shape.head_dim**-0.5
        scores = np.einsum("bgjqd,bgkd->bgjqk", q, k, optimize=True) * scale
        queries, keys = scores.shape[-2:]
        past = np.arange(queries)[:, None] + keys - queries >= np.arange(keys)
        scores = np.where(past, scores, -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        context = np.einsum("bgjqk,bgkd->bgjqd", p, v, optimize=True)
        self._saved["attention"] = q, k, v, p
        self._saved["context"] = self._rows(context)
        return self._rows(context)

    def _rows(self, heads: Array) -> Array:
        """[batch, groups, each, positions, size] as rows."""
        return heads.transpose(3, 0, 1, 2, 4).reshape(heads.shape[3] * self.batch, -1)

    def _activated(self, made: Array) -> Array:
        if not self.shape.gated:
            smooth: Array = made * (0.5 * np.tanh(SLOPE * (made + CUBIC * made**3)) + 0.5)
            return smooth
        gate, up = np.split(made, 2, axis=1)
        out: Array = gate / (1 + np.exp(-gate)) * up
        return out

    # -- backward ------------------------------------------------------------------------------------------------

    def backward(self, grad: Array) -> Array:
        """The gradient of the input of the last `forward` without caches."""
        grad = grad.astype(self._work)
        saved = self._saved
        made = saved["made"]
        inner = self._linear_backward("linear_fc2", grad, self._activated(made))
        inner = self._activated_backward(made, inner)
        normed = saved["pre_mlp_layernorm"][0] * self.weight("pre_mlp_layernorm")
        middle = grad + self._normed_backward("pre_mlp_layernorm", self._linear_backward("linear_fc1", inner, normed))
        context = self._linear_backward("linear_proj", middle, saved["context"])
        mixed = self._attended_backward(context)
        normed = saved["input_layernorm"][0] * self.weight("input_layernorm")
        out: Array = middle + self._normed_backward(
            "input_layernorm", self._linear_backward("linear_qkv", mixed, normed)
        )
        return out

    def _linear_backward(self, name: str, grad: Array, x: Array) -> Array:
        self.grads[name] = grad.T @ x
        inner: Array = grad @ self.weight(name)
        return inner

    def _normed_backward(self, name: str, grad: Array) -> Array:
        n, rstd = self._saved[name]
        self.grads[name] = (grad * n).sum(0)
        g = grad * self.weight(name)
        rest = g - n * (g * n).mean(1, keepdims=True)
        if not self.shape.rms:
            rest = rest - g.mean(1, keepdims=True)
        out: Array = rest * rstd
        return out

    def _activated_backward(self, made: Array, grad: Array) -> Array:
        if not self.shape.gated:
            t = np.tanh(SLOPE * (made + CUBIC * made**3))
            slope: Array = 0.5 * made * (1 - t * t) * SLOPE * (1 + 3 * CUBIC * made**2) + 0.5 * t + 0.5
            return grad * slope
        gate, up = np.split(made, 2, axis=1)
        s = 1 / (1 + np.exp(-gate))
        return np.concatenate([grad * up * s * (1 + gate * (1 - s)), grad * gate * s], axis=1)

    def _attended_backward(self, grad: Array) -> Array:
        shape, each = self.shape, self.shape.queries_per_group
        q, k, v, p = self._saved["attention"]
        dout = grad.reshape(-1, self.batch, shape.kv_heads, each, shape.head_dim).transpose(1, 2, 3, 0, 4)
        dv = np.einsum("bgjqk,bgjqd->bgkd", p, dout, optimize=True)
        dp = np.einsum("bgjqd,bgkd->bgjqk", dout, v, optimize=True)
        ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * shape.head_dim**-0.5
        dq = np.einsum("bgjqk,bgkd->bgjqd", ds, k, optimize=True)
        dk = np.einsum("bgjqk,bgjqd->bgkd", ds, q, optimize=True)
        parts = np.concatenate([dq, dk[:, :, None], dv[:, :, None]], axis=2)
        return self._rows(parts)


def wrong(got: Array, want: Array, dtype: DType) -> int:
    """Elements that differ by more than TOLERANCE units of the type's precision, of their own size or the root mean square."""
    seen, expected = got.astype(np.float64), want.astype(np.float64)
    size = np.maximum(np.abs(expected), np.sqrt(np.mean(expected * expected)))
    bound = TOLERANCE * _PRECISION[dtype.name] * size
    # A NaN is wrong too.
    return int(np.count_nonzero(~(np.abs(seen - expected) <= bound)))
