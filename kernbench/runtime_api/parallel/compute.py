"""The compute kernels of one rank: where they run, how products are cut, and what they enter in the books."""

from collections.abc import Callable, Sequence

from kernbench.common.completion import RequestHandle
from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.runtime_api.parallel.ledger import Ledger
from kernbench.runtime_api.parallel.pe_grid import PeGrid
from kernbench.runtime_api.parallel.product_kernel import product
from kernbench.runtime_api.parallel.tiling import Array, Shape, tiling
from kernbench.runtime_api.parallel.weight_layout import Divided, WeightLayout
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.dtype import DType
from kernbench.triton_emu.launch import Launch

ROOM, LEAST_ROOM = (3, 4), (1, 2)
"""The share of a scratchpad that blocks may take at once; the rest holds queues' slots and the next blocks on their way.

A ring's two queues have an eighth each by default; the queues of other algorithms take up to half.
"""


class Compute:
    """Launches kernels on all PEs, or on those that `busy` ones leave while a collective runs there."""

    def __init__(self, rank: Rank, weights: Callable[[PeGrid], WeightLayout], algo: str = "ring") -> None:
        geometry = rank.space.geometry
        self.grid = PeGrid(rank.pes, rank.machine.cube_mesh, geometry.slices_per_cube * geometry.slice_bytes)
        self.layout = weights(self.grid)
        self.ledger = Ledger()
        self.busy: frozenset[str] = frozenset()
        self._rank = rank
        machine, gemm = rank.machine, rank.machine.section("pe_gemm")
        near = f"sip{rank.sip}.{rank.pes[0].partition('.')[0]}.hbm"
        load_bw = machine.path(f"sip{rank.sip}.{rank.pes[0]}.dma", near).bw
        share = ROOM if algo == "ring" else LEAST_ROOM
        self.room: int = machine.section("pe_tcm").capacity * share[0] // share[1]
        self.array = Array(gemm.rows, gemm.columns, gemm.clock, self.room, load_bw)
        self.peak = 2 * gemm.rows * gemm.columns * gemm.clock * len(rank.pes)
        """Floating-point operations a second of all arrays of the SIP."""

    # -- tensors -------------------------------------------------------------------------------------------------

    def activations(self, rows: int, width: int, dtype: DType) -> Tensor:
        """An unwritten matrix of activations, a part of its rows in each cube."""
        return Tensor(self._rank, (rows, width), dtype, self.grid.activations(rows, width * dtype.itemsize))

    def weights(self, rows: int, width: int, dtype: DType) -> Tensor:
        """An unwritten weight, where the layout puts it."""
        return Tensor(self._rank, (rows, width), dtype, self.layout.placement(rows, width * dtype.itemsize))

    def divided(self, rows: int, width: int, dtype: DType) -> Tensor:
        """An unwritten matrix beside weights, a part of its rows in each cube: gradients, tables that are looked up."""
        return Tensor(self._rank, (rows, width), dtype, self.grid.weights(rows, width * dtype.itemsize))

    def activations_like(self, x: Tensor) -> Tensor:
        """The same for a matrix of this shape and type."""
        rows, width = x.shape
        return self.activations(rows, width, x.dtype)

    def divided_like(self, x: Tensor) -> Tensor:
        """The same for the gradient of a weight of this shape and type."""
        rows, width = x.shape
        return self.divided(rows, width, x.dtype)

    # -- launches ------------------------------------------------------------------------------------------------

    def run(self, launch: Launch, pes: Sequence[str], loaded: int = 0, stored: int = 0) -> None:
        """Run a kernel whose programs spread over `pes` in order, and wait for it; bytes by its closed form."""
        self.finish(self.submit(launch, pes, loaded, stored))

    def submit(self, launch: Launch, pes: Sequence[str], loaded: int = 0, stored: int = 0) -> RequestHandle:
        """Begin to run a kernel."""
        self.ledger.loaded += loaded
        self.ledger.stored += stored
        free = tuple(pe for pe in pes if pe not in self.busy)
        return self._rank.submit(KernelLaunchMsg(launch, free or tuple(pes)))

    def finish(self, handle: RequestHandle) -> None:
        """Wait for a kernel."""
        completion = self._rank.wait(handle)
        self.ledger.compute.append((completion.device_start, completion.device_end))
        self.ledger.queued += completion.queued
        self.ledger.engines += completion.overlap

    def product(self, out: Tensor, a: Tensor, weight: Tensor) -> None:
        """Out = a weight: [m, k] x [k, n], any strides; waits for it."""
        self._product(out, a, weight, self.layout)

    def gradient(self, out: Tensor, a: Tensor, b: Tensor) -> None:
        """The same where neither operand is a weight: the product is the gradient of one."""
        self._product(out, a, b, Divided(self.grid))

    def _product(self, out: Tensor, a: Tensor, b: Tensor, layout: WeightLayout) -> None:
        (m, k), (_, n) = a.shape, b.shape
        shape = Shape(m, n, k, a.element_size())
        pes = len(self.grid.pes) - len(self.busy)
        tile = tiling(
            shape, pes or len(self.grid.pes), (self.grid.rows, self.grid.columns), self.array, self.layout.links
        )
        places = [tuple(each.stride()) for each in (a, b, out)]
        down, across = tile.programs(shape)
        launch = product.launch((down * across,), out, a, b, m, n, k, *places, tile)
        self.ledger.flops += shape.flops
        self.ledger.multiplied += tile.flops(shape)
        self.ledger.tilings.append(f"{m} x {k} x {n} in {down * across} programs of {tile}")
        self.run(launch, layout.placed(down, across), tile.load_bytes(shape), tile.store_bytes(shape))
