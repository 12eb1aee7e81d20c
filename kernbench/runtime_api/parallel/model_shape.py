"""The shape of a transformer: a preset, or read from a Hugging Face config.json."""

import json
from importlib.resources import files
from typing import Any

import msgspec

from kernbench.common.errors import UsageError
from kernbench.runtime_api.workload.content import content_of

MOST_BYTES = 1 << 20
"""A config.json is a few KiB."""
MOST = 1 << 24
"""No extent of a model is larger."""
NAMES = {
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "num_heads"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "vocab_size": ("vocab_size",),
    "kv_heads": ("num_key_value_heads",),
    "head_dim": ("head_dim",),
    "ffn": ("intermediate_size", "n_inner", "ffn_dim"),
    "act": ("hidden_act", "activation_function"),
    "rms": ("rms_norm_eps",),
}
"""What a config.json calls each figure: Llama's names, GPT-2's, others'."""
ACTIVATIONS = {
    "silu": True,
    "swish": True,
    "gelu": False,
    "gelu_new": False,
    "gelu_fast": False,
    "gelu_pytorch_tanh": False,
}
"""Activations, and whether the MLP is gated; each GeLU is computed in its tanh form."""


class ModelShape(msgspec.Struct, frozen=True):
    """Extents of a transformer. `gated` MLPs are SwiGLU, others GeLU; `rms` norms are RMSNorm, others LayerNorm."""

    name: str
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    layers: int
    vocab_size: int
    gated: bool
    rms: bool

    @property
    def queries_per_group(self) -> int:
        """Query heads that share a key-value head."""
        return self.heads // self.kv_heads

    @property
    def layer_weights(self) -> int:
        """Elements of a layer's matrices: queries, keys, values and the projection of attention, and the MLP's."""
        attention = 2 * (self.heads + self.kv_heads) * self.head_dim
        return self.hidden_size * (attention + (2 + self.gated) * self.ffn)

    def padded_vocab_size(self, tp: int) -> int:
        """The vocabulary with room up to a multiple of 128 x `tp`, as Megatron pads it."""
        unit = 128 * tp
        return -(-self.vocab_size // unit) * unit

    def describe(self) -> str:
        """The shape in a line."""
        return (
            f"{self.name}: {self.layers} layers, hidden {self.hidden_size}, {self.heads} heads ({self.kv_heads} "
            f"key-value) x {self.head_dim}, MLP {self.ffn} {'SwiGLU' if self.gated else 'GeLU'}, "
            f"{'RMSNorm' if self.rms else 'LayerNorm'}"
        )


def presets() -> dict[str, str]:
    """The models that come with kernbench, each with its source."""
    found = {}
    for entry in sorted((files("kernbench") / "data" / "models").iterdir(), key=lambda each: each.name):
        found[entry.name.removesuffix(".json")] = str(json.loads(entry.read_text("utf-8"))["source"])
    return found


def model_shape(model: str) -> ModelShape:
    """The shape of a preset or of a config.json (a name that ends in .json); what is wrong with it is a UsageError."""
    if not model.endswith(".json"):
        names = presets()
        if model not in names:
            raise UsageError(f"unknown model {model!r}; there are {', '.join(names)}, or name a config.json")
        return _shape(model, json.loads((files("kernbench") / "data" / "models" / f"{model}.json").read_text("utf-8")))
    data = content_of(model, MOST_BYTES)
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{model}: it is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{model}: expected a JSON object with hidden_size and so on, got {type(found).__name__}")
    # A multimodal model has its language model's figures in a part of their own.
    inner = found.get("text_config")
    return _shape(model, inner if isinstance(inner, dict) and "hidden_size" not in found else found)


def _shape(name: str, found: dict[str, Any]) -> ModelShape:
    hidden, heads = _extent(name, found, "hidden_size"), _extent(name, found, "heads")
    kv_heads = _extent(name, found, "kv_heads", heads)
    act = _act(name, found)
    if heads % kv_heads:
        raise UsageError(f"{name}: num_attention_heads {heads} is no multiple of num_key_value_heads {kv_heads}")
    if hidden % heads and _value(found, "head_dim")[1] is None:
        raise UsageError(f"{name}: hidden_size {hidden} is no multiple of num_attention_heads {heads}; give head_dim")
    return ModelShape(
        name,
        hidden,
        heads,
        kv_heads,
        _extent(name, found, "head_dim", hidden // heads),
        _extent(name, found, "ffn", 4 * hidden),
        _extent(name, found, "layers"),
        _extent(name, found, "vocab_size"),
        ACTIVATIONS[act],
        _value(found, "rms")[1] is not None,
    )


def _value(found: dict[str, Any], figure: str) -> tuple[str, Any]:
    """(the name it has there, its value), None if it is absent or null."""
    for name in NAMES[figure]:
        if found.get(name) is not None:
            return name, found[name]
    return NAMES[figure][0], None


def _extent(where: str, found: dict[str, Any], figure: str, default: int | None = None) -> int:
    name, value = _value(found, figure)
    if value is None and default is not None:
        return default
    if value is None:
        also = ", ".join(NAMES[figure][1:])
        raise UsageError(f"{where}: {name} is missing{f' (or {also})' if also else ''}")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        raise UsageError(f"{where}: {name} is {str(value)[:40]!r}; expected a whole number from 1 to {MOST}")
    return value


def _act(where: str, found: dict[str, Any]) -> str:
    name, value = _value(found, "act")
    if value is None:
        raise UsageError(f"{where}: {name} is missing (or {NAMES['act'][1]})")
    if value not in ACTIVATIONS if isinstance(value, str) else True:
        raise UsageError(f"{where}: {name} is {str(value)[:40]!r}; there are {', '.join(ACTIVATIONS)}")
    if not ACTIVATIONS[value] and str(found.get("model_type", "")).startswith("gemma"):
        raise UsageError(f"{where}: a gated MLP with {value} (gemma) is not offered; gated ones have silu")
    return str(value)
