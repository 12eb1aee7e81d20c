"""ColumnParallelLinear: a linear layer whose outputs are divided over the ranks."""

from kernbench.runtime_api.parallel.parameter import Parameter, Uniform
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.work import Work


class ColumnParallelLinear:
    """y = x W^T, W = [W_1; ...; W_p] by rows: rank i holds [output_size / p, input_size] and makes its columns of y.

    With `stride` > 1 W is made of so many blocks, and a rank holds its share of each (gate and up of a gated MLP). With
    sequence parallelism x arrives sharded by rows: forward gathers it, backward gathers it once more for the weight's
    gradient, since only the shard is kept, and scatters the input's gradient.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        config: ModelParallelConfig,
        init_method: Uniform,
        stride: int = 1,
    ) -> None:
        share = config.divide(output_size // stride, "the output size")
        self.input_size = input_size
        self.output_size_per_partition = share * stride
        self._config = config
        weight = config.compute.weights(self.output_size_per_partition, input_size, config.params_dtype)
        self.weight = Parameter(weight)
        first = config.rank.index * share
        blocks = range(0, output_size, output_size // stride)
        rows = [block + first + number for block in blocks for number in range(share)]
        self.weight.fill(config.rank, init_method, rows)
        self._input: Tensor | None = None

    def forward(self, input_: Tensor) -> Tensor:
        """[rows (of this rank, if sequence-parallel), input_size] to [all rows, output_size_per_partition]."""
        config = self._config
        self._input = input_
        total = input_
        if config.sequence_parallel:
            total, _ = config.gather_from_sequence_parallel_region(input_)
        out = config.compute.activations(total.shape[0], self.output_size_per_partition, config.params_dtype)
        config.compute.product(out, total, self.weight.data.t())
        return out

    def backward(self, grad_output: Tensor) -> Tensor:
        """The gradient of the input, in the input's shape; that of the weight is in `weight.grad`.

        As Megatron's LinearWithGradAccumulationAndAsyncCommunication: the input is gathered beside the product of dX,
        dX is reduced beside the product of dW.
        """
        config, input_ = self._config, self._input
        assert input_ is not None, "backward before forward"
        total, gathering = input_, None
        if config.sequence_parallel:
            total, gathering = config.gather_from_sequence_parallel_region(input_, async_op=True)
        grad_input = config.compute.activations(grad_output.shape[0], self.input_size, config.params_dtype)
        with config.rank.phase("dX"), config.beside(gathering):
            config.compute.product(grad_input, grad_output, self.weight.data)
        grad_input, reducing = self._reduced(grad_input)
        with config.rank.phase("dW"), config.beside(reducing):
            self.weight.grad = config.compute.divided_like(self.weight.data)
            config.compute.gradient(self.weight.grad, grad_output.t(), total)
        return grad_input

    def _reduced(self, grad: Tensor) -> tuple[Tensor, Work | None]:
        """The sum of the input's gradient over the ranks, begun (or done, if nothing is to run beside it)."""
        config = self._config
        ahead = config.async_tensor_model_parallel_allreduce
        if config.sequence_parallel:
            return config.reduce_scatter_to_sequence_parallel_region(grad, async_op=ahead)
        return grad, config.all_reduce(grad, async_op=ahead)
