"""LayerNorm and RMSNorm without bias, each row on its own."""

from kernbench.runtime_api.parallel.norm_kernels import norm, norm_backward, sum_parts
from kernbench.runtime_api.parallel.parameter import Parameter, Uniform
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.dtype import float32

BYTES_AT_ONCE = 24
"""TCM that an element under way takes at most: six float32 of it are alive in the backward pass."""


class Norm:
    """y = (x - mean) / sqrt(variance + eps) weight (LayerNorm), or y = x / sqrt(mean(x^2) + eps) weight (RMSNorm).

    The weight is whole on every rank. With sequence parallelism its gradient is that of this rank's rows: their sum
    over the ranks is taken once a step (`finish_gradient`), as Megatron's finalize_model_grads does.
    """

    def __init__(
        self, hidden_size: int, *, config: ModelParallelConfig, init_method: Uniform, centre: bool, eps: float = 1e-5
    ) -> None:
        self.hidden_size = hidden_size
        self._config = config
        self._centre = centre
        self._eps = eps
        self.weight = Parameter(config.compute.weights(1, hidden_size, config.params_dtype))
        self.weight.fill(config.rank, init_method, range(1))
        self._input: Tensor | None = None
        self._mean: Tensor | None = None
        self._rstd: Tensor | None = None

    def forward(self, input_: Tensor) -> Tensor:
        """[rows, hidden_size] to the same."""
        config, rows = self._config, input_.shape[0]
        compute = config.compute
        self._input = input_
        self._mean = compute.activations(rows, 1, float32) if self._centre else None
        self._rstd = compute.activations(rows, 1, float32)
        out = compute.activations(rows, self.hidden_size, config.params_dtype)
        share, programs, step = self._cut(rows)
        launch = norm.launch(
            (programs,),
            out,
            self._mean,
            self._rstd,
            input_,
            self.weight.data,
            rows,
            self.hidden_size,
            self._eps,
            share,
            step,
        )
        statistics = rows * float32.itemsize * (1 + self._centre)
        weights = programs * self.weight.data.nbytes
        compute.run(launch, compute.grid.pes, input_.nbytes + weights, out.nbytes + statistics)
        return out

    def backward(self, grad_output: Tensor) -> Tensor:
        """The gradient of the input; that of the weight is in `weight.grad`."""
        config, input_ = self._config, self._input
        assert input_ is not None, "backward before forward"
        compute, rows, width = config.compute, input_.shape[0], self.hidden_size
        share, programs, step = self._cut(rows)
        out = compute.activations(rows, width, config.params_dtype)
        parts = compute.activations(programs, width, float32)
        launch = norm_backward.launch(
            (programs,),
            out,
            parts,
            grad_output,
            input_,
            self.weight.data,
            self._mean,
            self._rstd,
            rows,
            width,
            share,
            step,
        )
        statistics = rows * float32.itemsize * (1 + self._centre)
        loaded = grad_output.nbytes + input_.nbytes + programs * self.weight.data.nbytes + statistics
        compute.run(launch, compute.grid.pes, loaded, out.nbytes + parts.nbytes)
        self.weight.grad = compute.divided(1, width, config.params_dtype)
        columns = max(-(-width // len(compute.grid.pes)), 32)
        added = sum_parts.launch((-(-width // columns),), self.weight.grad, parts, programs, width, columns)
        compute.run(added, compute.grid.pes, parts.nbytes, self.weight.grad.nbytes)
        return out

    def finish_gradient(self) -> None:
        """Sum the weight's gradient over the ranks that had other rows."""
        if self._config.sequence_parallel and self.weight.grad is not None:
            self._config.all_reduce(self.weight.grad)

    def _cut(self, rows: int) -> tuple[int, int, int]:
        """Rows of a program, programs, rows that a program takes at once."""
        compute = self._config.compute
        share = -(-rows // len(compute.grid.pes))
        room = compute.room // (self.hidden_size * BYTES_AT_ONCE)
        return share, -(-rows // share), 1 << (max(min(room, share), 1).bit_length() - 1)
