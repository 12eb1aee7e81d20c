"""Layers of a transformer under Megatron's tensor parallelism: compute, exposed communication, messages, MFU, tokens/s."""

from collections.abc import Callable, Iterator

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.common.units import FS_PER_S
from kernbench.runtime_api.argument import Precision
from kernbench.runtime_api.parallel.ledger import Ledger
from kernbench.runtime_api.parallel.model_shape import ModelShape, model_shape
from kernbench.runtime_api.parallel.parameter import Array, Uniform
from kernbench.runtime_api.parallel.pe_grid import PeGrid
from kernbench.runtime_api.parallel.reference import ReferenceLayer, wrong
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.parallel.transformer_layer import BACKWARD, TransformerLayer
from kernbench.runtime_api.parallel.weight_layout import LAYOUTS, Divided, WeightLayout, copied_if_half_full
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.torch import Torch

PHASES = ("prefill", "decode", "train")
SEED = 0
"""Of weights and inputs: every TP degree has the same."""


class LayerRow(Row):
    """A row with what its results are checked against."""

    check: Callable[[], int] | None = None


def bench(
    torch: Torch,
    *,
    model: str = "tiny",
    seq: int = 128,
    batch: int = 1,
    phase: str = "prefill",
    sp: bool = False,
    layers: int = 1,
    dtype: Precision = "bfloat16",
    algo: str = "ring",
    channels: int = 1,
    weights: str = "auto",
) -> Iterator[Row]:
    """Rows for the attention and the MLP of each layer and pass, one for all of them; then it is checked.

    prefill: `batch` sequences of `seq` positions, forward. decode: one new position of each, which sees `seq` of them.
    train: forward and backward. Weights lie divided over the cubes of a SIP or copied to each of them; auto is copied,
    unless a decoding step reads each weight once or the copies would take more than half of the memory.
    """
    shape = model_shape(model)
    _check(shape, phase, seq, batch, layers)
    dist = torch.distributed
    dist.init_process_group(algo=algo, channels=channels)
    element = torch.dtype_named(dtype)
    size = layers * shape.layer_weights * element.itemsize // dist.get_world_size()
    config = torch.parallel(element, sequence_parallel=sp, weights=_layout(weights, phase, size))
    job = Job(torch, config, shape, phase, seq, batch, layers)
    config.prepare()
    config.start_together()
    with config.booked("all") as books:
        out = job.forward()
        grad = job.backward() if phase == "train" else None
    if dist.get_rank() == 0:
        _print(shape, config, books)
    for part in books.parts:
        yield row(config, part)
    whole = row(config, books, tokens=batch if phase == "decode" else batch * seq, layers=layers)
    whole.results = (out,) if grad is None else (out, grad)
    whole.check = job.wrong
    yield whole


def verify(_torch: Torch, row: LayerRow) -> int:
    """Count elements of the output, and of the input's gradient, that are not the unsharded layers' in numpy."""
    return 0 if row.check is None else row.check()


def row(config: ModelParallelConfig, books: Ledger, tokens: int = 0, layers: int = 0) -> LayerRow:
    """What the books of a part say."""
    time = books.end - books.start
    columns = {
        "part": books.title if not layers else f"all of {layers} {'layer' if layers == 1 else 'layers'}",
        "compute_fs": books.computing,
        "communication_fs": books.communicating,
        "exposed_fs": books.exposed,
        "hidden_fs": books.overlapping,
        "mfu": round(books.flops * FS_PER_S / (config.compute.peak * time), 4) if time else 0.0,
        "tokens_per_s": round(tokens * FS_PER_S / time) if time and tokens else None,
        "messages": ", ".join(str(each) for each in books.messages) if not layers else f"{len(books.messages)} in all",
        "load_bytes": books.loaded,
        "store_bytes": books.stored,
        "gemm_flop": books.multiplied,
    }
    return LayerRow(columns, books.start, books.end, launch=books.idle, queued=books.queued, overlap=books.engines)


class Job:
    """One rank's layers with their input, and the same unsharded."""

    def __init__(
        self,
        torch: Torch,
        config: ModelParallelConfig,
        shape: ModelShape,
        phase: str,
        seq: int,
        batch: int,
        layers: int,
    ) -> None:
        self._torch, self._config, self._shape = torch, config, shape
        self._phase, self._seq, self._batch = phase, seq, batch
        self._layers = [
            TransformerLayer(shape, config=config, batch=batch, seed=SEED, title=f"layer {number}")
            for number in range(layers)
        ]
        self._rows = batch if phase == "decode" else batch * seq
        self._caches = [self._cache(number) for number in range(layers)] if phase == "decode" else [None] * layers
        self._out: Tensor | None = None
        self._grad: Tensor | None = None

    def forward(self) -> Tensor:
        """All layers."""
        x = self._tensor("input", self._rows, self._shape.hidden_size, self._own(self._rows))
        for layer, caches in zip(self._layers, self._caches, strict=True):
            x = layer.forward(x, caches)
        self._out = x
        return x

    def backward(self) -> Tensor:
        """All layers, last first, from a gradient as the loss would give it."""
        grad = self._tensor("gradient", self._rows, self._shape.hidden_size, self._own(self._rows))
        for layer in reversed(self._layers):
            grad = layer.backward(grad)
        self._grad = grad
        return grad

    def wrong(self) -> int:
        """Elements of output and gradient that are wrong on this rank."""
        shape, element, rows = self._shape, self._config.params_dtype, self._rows
        # float64 tells rounding of float32 apart; for narrow types float32 is exact enough, and full sizes take its time.
        work = np.float64 if element.itemsize == 4 else np.float32
        references = [
            ReferenceLayer(shape, batch=self._batch, seed=SEED, title=layer.title, dtype=element, work=work)
            for layer in self._layers
        ]
        x = self._whole("input", rows, shape.hidden_size)
        for number, layer in enumerate(references):
            x = layer.forward(x, self._whole_caches(number) if self._phase == "decode" else None)
        own = self._own(rows)
        assert self._out is not None
        count = wrong(self._out.peek(), x[own], element)
        if self._grad is not None:
            grad = self._whole("gradient", rows, shape.hidden_size)
            for layer in reversed(references):
                grad = layer.backward(grad)
            count += wrong(self._grad.peek(), grad[own], element)
        return count

    # -- what goes in --------------------------------------------------------------------------------------------

    def _own(self, rows: int) -> slice:
        """The rows that this rank has of activations between parallel regions."""
        if not self._config.sequence_parallel:
            return slice(0, rows)
        share = self._config.divide(rows, "sequence parallelism: sequence x batch")
        first = self._torch.distributed.get_rank() * share
        return slice(first, first + share)

    def _whole(self, name: str, rows: int, width: int) -> Array:
        drawn = Uniform(SEED, name, width, deviation=1.0).rows(range(rows))
        return drawn.astype(self._config.params_dtype.numpy)

    def _tensor(self, name: str, rows: int, width: int, own: slice, columns: slice = slice(None)) -> Tensor:
        """The same, this rank's part of it, in memory as a run begins."""
        narrow = len(range(width)[columns])
        made = self._config.compute.activations(own.stop - own.start, narrow, self._config.params_dtype)
        if self._config.rank.values:
            part = np.ascontiguousarray(self._whole(name, rows, width)[own, columns])
            self._config.rank.poke(made.data_ptr(), part.tobytes())
        return made

    def _cache(self, number: int) -> tuple[Tensor, Tensor]:
        """Keys and values of `seq` positions of a layer's own heads; the last is written by the new position."""
        rows, width = self._seq * self._batch, self._shape.kv_heads * self._shape.head_dim
        share = self._config.divide(self._shape.kv_heads, "the number of key-value heads") * self._shape.head_dim
        first = self._torch.distributed.get_rank() * share
        columns = slice(first, first + share)
        keys, values = (
            self._tensor(f"layer {number} {kind}", rows, width, slice(0, rows), columns) for kind in ("keys", "values")
        )
        return keys, values

    def _whole_caches(self, number: int) -> tuple[Array, Array]:
        shape = self._shape
        keys, values = (
            self._whole(f"layer {number} {kind}", self._seq * self._batch, shape.kv_heads * shape.head_dim).reshape(
                self._seq, self._batch, shape.kv_heads, shape.head_dim
            )
            for kind in ("keys", "values")
        )
        return keys, values


def _check(shape: ModelShape, phase: str, seq: int, batch: int, layers: int) -> None:
    if phase not in PHASES:
        raise UsageError(f"--phase {phase}: there are {', '.join(PHASES)}")
    for name, value in (("seq", seq), ("batch", batch), ("layers", layers)):
        if value < 1:
            raise UsageError(f"--{name} {value}: expected a number from 1")
    if layers > shape.layers:
        raise UsageError(f"--layers {layers}: {shape.name} has {shape.layers}")


def _layout(weights: str, phase: str, size: int) -> Callable[[PeGrid], WeightLayout]:
    """Where a rank's weights, `size` bytes, lie."""
    if weights in LAYOUTS:
        return LAYOUTS[weights]
    if weights != "auto":
        raise UsageError(f"--weights {weights}: there are auto, {', '.join(LAYOUTS)}")
    return Divided if phase == "decode" else copied_if_half_full(size)


def _print(shape: ModelShape, config: ModelParallelConfig, books: Ledger) -> None:
    """What the table has no room for: the model, how products were cut, what the kernels move and multiply."""
    print(f"model     {shape.describe()}; TP {config.tp}{', sequence-parallel' if config.sequence_parallel else ''}")  # noqa: T201  # what the bench is asked for
    if config.sequence_parallel and any(part.title.endswith(BACKWARD) for part in books.parts):
        print("note      backward, a column layer gathers its input once more for dW: only its shard was kept")  # noqa: T201
    print(f"weights   {config.compute.layout.describe()}")  # noqa: T201
    for text in dict.fromkeys(books.tilings):
        print(f"product   {text}")  # noqa: T201
    print(  # noqa: T201
        f"rank 0    DMA loads {books.loaded} B and stores {books.stored} B, matrix engines do {books.multiplied} FLOP "
        f"({books.flops} are the model's), messages have {sum(each.size for each in books.messages)} B"
    )
