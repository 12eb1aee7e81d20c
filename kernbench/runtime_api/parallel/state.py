"""What the layers of one rank share: the tensor-parallel group, its collectives as Megatron's mappings, kernels, books."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kernbench.common.errors import UsageError
from kernbench.runtime_api.distributed import Distributed
from kernbench.runtime_api.parallel.compute import Compute
from kernbench.runtime_api.parallel.ledger import Ledger, Message
from kernbench.runtime_api.parallel.pe_grid import PeGrid
from kernbench.runtime_api.parallel.weight_layout import Divided, WeightLayout
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.work import Work
from kernbench.triton_emu.dtype import DType


class ModelParallelConfig:
    """Megatron's ModelParallelConfig of one rank; all ranks form the one tensor-parallel group.

    With `sequence_parallel` activations between the parallel regions are sharded along their rows. With
    `async_tensor_model_parallel_allreduce` the collective of a column layer's input gradient runs beside the product of
    its weight gradient. `weights` is where they lie on each SIP: `Divided` over its cubes, or `Copied` to each.
    """

    def __init__(
        self,
        rank: Rank,
        distributed: Distributed,
        params_dtype: DType,
        *,
        sequence_parallel: bool = False,
        async_tensor_model_parallel_allreduce: bool = True,
        weights: Callable[[PeGrid], WeightLayout] = Divided,
    ) -> None:
        self.rank = rank
        self.params_dtype = params_dtype
        self.tensor_model_parallel_size = rank.world
        self.sequence_parallel = sequence_parallel and rank.world > 1
        self.async_tensor_model_parallel_allreduce = async_tensor_model_parallel_allreduce
        self.compute = Compute(rank, weights, distributed.world.algo)
        self._distributed = distributed

    @property
    def tp(self) -> int:
        """Ranks of the group."""
        return self.tensor_model_parallel_size

    @property
    def ledger(self) -> Ledger:
        """The books that are open."""
        return self.compute.ledger

    def divide(self, numerator: int, what: str) -> int:
        """A rank's share of an extent, which must be whole."""
        if numerator % self.tp:
            raise UsageError(f"{what} {numerator} is not divisible by the tensor-parallel size {self.tp}")
        return numerator // self.tp

    def prepare(self) -> None:
        """Open the queues of the layers' collectives now, so that none waits for that."""
        for kind in ("all_gather", "reduce_scatter") if self.sequence_parallel else ("all_reduce",):
            self._distributed.prepare(kind)

    def start_together(self) -> None:
        """Let all ranks go on at the same instant."""
        self._distributed.align()

    # -- mappings ------------------------------------------------------------------------------------------------

    def all_reduce(self, x: Tensor, *, async_op: bool = False) -> Work | None:
        """Sum over the group, in place; None if there is nothing to wait for."""
        if self.tp == 1:
            return None
        self.ledger.messages.append(Message("all_reduce", x.nbytes))
        return self._begun("all_reduce", self._distributed.all_reduce(x, async_op=True), async_op=async_op)

    def gather_from_sequence_parallel_region(self, x: Tensor, *, async_op: bool = False) -> tuple[Tensor, Work | None]:
        """The rows of all ranks, in order of rank."""
        if self.tp == 1:
            return x, None
        out = self.compute.activations(x.shape[0] * self.tp, x.shape[1], x.dtype)
        self.ledger.messages.append(Message("all_gather", out.nbytes))
        work = self._distributed.all_gather(out, x, async_op=True)
        return out, self._begun("all_gather", work, async_op=async_op)

    def reduce_scatter_to_sequence_parallel_region(
        self, x: Tensor, *, async_op: bool = False
    ) -> tuple[Tensor, Work | None]:
        """The rows of this rank of the sum over the group."""
        if self.tp == 1:
            return x, None
        out = self.compute.activations(self.divide(x.shape[0], "sequence x batch"), x.shape[1], x.dtype)
        self.ledger.messages.append(Message("reduce_scatter", x.nbytes))
        work = self._distributed.reduce_scatter(out, x, async_op=True)
        return out, self._begun("reduce_scatter", work, async_op=async_op)

    def _begun(self, kind: str, work: Work, *, async_op: bool) -> Work | None:
        if async_op:
            return work
        with self.rank.phase(kind):
            self.wait(work)
        return None

    def wait(self, work: Work) -> None:
        """Wait for a collective and enter its time."""
        work.wait()
        self.ledger.communication.append((work.start, work.end))
        self.ledger.queued += work.queued
        self.ledger.engines += work.overlap

    @contextmanager
    def beside(self, work: Work | None) -> Iterator[None]:
        """Kernels inside leave the PEs alone on which the collective runs; what of it is left then is waited for."""
        if work is None:
            yield
            return
        before = self.compute.busy
        self.compute.busy = frozenset(pe for member in self._distributed.world.pes for pe in member)
        yield
        self.compute.busy = before
        with self.rank.phase("exposed communication"):
            self.wait(work)

    # -- books ---------------------------------------------------------------------------------------------------

    @contextmanager
    def booked(self, title: str) -> Iterator[Ledger]:
        """A phase with books of its own, which those outside take over at its end."""
        outer, inner = self.compute.ledger, Ledger(title)
        self.compute.ledger = inner
        with self.rank.phase(title):
            yield inner
        outer.add(inner)
        outer.parts.append(inner)
        self.compute.ledger = outer
