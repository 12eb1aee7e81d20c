"""The MLP of a transformer layer: a column layer, an activation, a row layer."""

from kernbench.runtime_api.parallel.column import ColumnParallelLinear
from kernbench.runtime_api.parallel.model_shape import ModelShape
from kernbench.runtime_api.parallel.parameter import Uniform
from kernbench.runtime_api.parallel.pointwise import apply
from kernbench.runtime_api.parallel.row import RowParallelLinear
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.tensor import Tensor


class MLP:
    """fc2(silu(gate) up) with [gate; up] = fc1 (SwiGLU), or fc2(gelu(fc1)); without bias."""

    def __init__(self, shape: ModelShape, *, config: ModelParallelConfig, seed: int, name: str) -> None:
        self._config = config
        self._gated = shape.gated
        hidden, ffn, blocks = shape.hidden_size, shape.ffn, 1 + shape.gated
        self.linear_fc1 = ColumnParallelLinear(
            hidden, ffn * blocks, config=config, init_method=Uniform(seed, f"{name}.linear_fc1", hidden), stride=blocks
        )
        self.linear_fc2 = RowParallelLinear(
            ffn, hidden, config=config, init_method=Uniform(seed, f"{name}.linear_fc2", ffn)
        )
        self._made: Tensor | None = None

    def activate(self, made: Tensor) -> Tensor:
        """What fc1 made to what fc2 takes."""
        self._made = made
        out = self._config.compute.activations(made.shape[0], made.shape[1] // (1 + self._gated), made.dtype)
        apply(self._config.compute, "swiglu" if self._gated else "gelu", (out,), self._halves(made))
        return out

    def activate_backward(self, grad_output: Tensor) -> Tensor:
        """The gradient of what fc1 made."""
        made = self._made
        assert made is not None, "backward before forward"
        out = self._config.compute.activations_like(made)
        name = "swiglu_backward" if self._gated else "gelu_backward"
        apply(self._config.compute, name, self._halves(out), (*self._halves(made), grad_output))
        return out

    def _halves(self, x: Tensor) -> tuple[Tensor, ...]:
        if not self._gated:
            return (x,)
        half = x.shape[1] // 2
        return x[:, :half], x[:, half:]
