"""RowParallelLinear: a linear layer whose inputs are divided over the ranks."""

from kernbench.runtime_api.parallel.parameter import Parameter, Uniform
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.tensor import Tensor


class RowParallelLinear:
    """y = x W^T, W = [W_1, ..., W_p] by columns: rank i holds [output_size, input_size / p], and x_i already.

    The ranks' partial products are summed: by an all-reduce, or with sequence parallelism by a reduce-scatter, after
    which each rank has its rows of y; backward gathers them.
    """

    def __init__(self, input_size: int, output_size: int, *, config: ModelParallelConfig, init_method: Uniform) -> None:
        share = config.divide(input_size, "the input size")
        self.input_size_per_partition = share
        self.output_size = output_size
        self._config = config
        self.weight = Parameter(config.compute.weights(output_size, share, config.params_dtype))
        first = config.rank.index * share
        self.weight.fill(config.rank, init_method, range(output_size), slice(first, first + share))
        self._input: Tensor | None = None

    def forward(self, input_: Tensor) -> Tensor:
        """[rows, input_size_per_partition] to [rows (of this rank, if sequence-parallel), output_size]."""
        config = self._config
        self._input = input_
        out = config.compute.activations(input_.shape[0], self.output_size, config.params_dtype)
        config.compute.product(out, input_, self.weight.data.t())
        if config.sequence_parallel:
            return config.reduce_scatter_to_sequence_parallel_region(out)[0]
        config.all_reduce(out)
        return out

    def backward(self, grad_output: Tensor) -> Tensor:
        """The gradient of the input, in the input's shape; that of the weight is in `weight.grad`."""
        config, input_ = self._config, self._input
        assert input_ is not None, "backward before forward"
        total = grad_output
        if config.sequence_parallel:
            total, _ = config.gather_from_sequence_parallel_region(grad_output)
        grad_input = config.compute.activations_like(input_)
        with config.rank.phase("dX"):
            config.compute.product(grad_input, total, self.weight.data)
        with config.rank.phase("dW"):
            self.weight.grad = config.compute.divided_like(self.weight.data)
            config.compute.gradient(self.weight.grad, total.t(), input_)
        return grad_input
