"""A transformer layer of Megatron: norm, attention, norm, MLP, with residual sums, forward, decoding and backward."""

from kernbench.runtime_api.parallel.attention import CoreAttention
from kernbench.runtime_api.parallel.column import ColumnParallelLinear
from kernbench.runtime_api.parallel.mlp import MLP
from kernbench.runtime_api.parallel.model_shape import ModelShape
from kernbench.runtime_api.parallel.norm import Norm
from kernbench.runtime_api.parallel.parameter import Uniform
from kernbench.runtime_api.parallel.pointwise import add
from kernbench.runtime_api.parallel.row import RowParallelLinear
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.tensor import Tensor

FORWARD, BACKWARD = "forward", "backward"
COLUMN, CORE, ROW = "attention_column_layer", "core_attention", "attention_row_layer"
MLP_COLUMN, MLP_ROW = "mlp_column_layer", "mlp_row_layer"


class TransformerLayer:
    """x + proj(attention(qkv(norm(x)))), then y + MLP(norm(y)); rows are positions x batch, positions first.

    No positional embedding, dropout or bias. `title` is what its phases are called.
    """

    def __init__(self, shape: ModelShape, *, config: ModelParallelConfig, batch: int, seed: int, title: str) -> None:
        self._config = config
        self.title = title
        hidden, size, each = shape.hidden_size, shape.head_dim, shape.queries_per_group
        groups = config.divide(shape.kv_heads, "the number of key-value heads")

        def norm(name: str) -> Norm:
            init = Uniform(seed, f"{title}.{name}", hidden, deviation=0.25, mean=1.0)
            return Norm(hidden, config=config, init_method=init, centre=not shape.rms)

        self.input_layernorm = norm("input_layernorm")
        self.linear_qkv = ColumnParallelLinear(
            hidden,
            shape.kv_heads * (each + 2) * size,
            config=config,
            init_method=Uniform(seed, f"{title}.linear_qkv", hidden),
        )
        self.core_attention = CoreAttention(groups, each, size, batch=batch, config=config)
        self.linear_proj = RowParallelLinear(
            shape.heads * size,
            hidden,
            config=config,
            init_method=Uniform(seed, f"{title}.linear_proj", shape.heads * size),
        )
        self.pre_mlp_layernorm = norm("pre_mlp_layernorm")
        self.mlp = MLP(shape, config=config, seed=seed, name=title)

    def forward(self, hidden_states: Tensor, caches: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """[rows (of this rank, if sequence-parallel), hidden_size] to the same.

        With `caches` of keys and values each sequence has one new position, the last of its cache.
        """
        config = self._config
        with config.booked(f"{self.title} attention {FORWARD}"):
            with config.booked(COLUMN):
                mixed = self.linear_qkv.forward(self.input_layernorm.forward(hidden_states))
            with config.booked(CORE):
                core = self.core_attention
                context = core.forward(mixed) if caches is None else core.decode(mixed, *caches)
            with config.booked(ROW):
                middle = add(config.compute, hidden_states, self.linear_proj.forward(context))
        with config.booked(f"{self.title} mlp {FORWARD}"):
            with config.booked(MLP_COLUMN):
                made = self.mlp.linear_fc1.forward(self.pre_mlp_layernorm.forward(middle))
            with config.booked(MLP_ROW):
                out = self.mlp.linear_fc2.forward(self.mlp.activate(made))
                return add(config.compute, middle, out)

    def backward(self, grad_output: Tensor) -> Tensor:
        """The gradient of the layer's input; those of its parameters are in their `grad`."""
        config = self._config
        with config.booked(f"{self.title} mlp {BACKWARD}"):
            with config.booked(MLP_ROW):
                made = self.mlp.activate_backward(self.mlp.linear_fc2.backward(grad_output))
            with config.booked(MLP_COLUMN):
                inner = self.pre_mlp_layernorm.backward(self.mlp.linear_fc1.backward(made))
                middle = add(config.compute, grad_output, inner)
        with config.booked(f"{self.title} attention {BACKWARD}"):
            with config.booked(ROW):
                context = self.linear_proj.backward(middle)
            with config.booked(CORE):
                mixed = self.core_attention.backward(context)
            with config.booked(COLUMN):
                inner = self.input_layernorm.backward(self.linear_qkv.backward(mixed))
                return add(config.compute, middle, inner)

    def finish_gradients(self) -> None:
        """Sum the gradients of the norms over ranks that had other rows (sequence parallelism): once a step."""
        with self._config.booked(f"{self.title} finish gradients"):
            for each in (self.input_layernorm, self.pre_mlp_layernorm):
                each.finish_gradient()
