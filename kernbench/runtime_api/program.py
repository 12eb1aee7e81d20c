"""The program of a rank: it loads the bench, runs it, has each row verified and its results hashed."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from kernbench.common.units import format_size
from kernbench.runtime_api.bench import BenchRef, Sweep, function_of, load_module
from kernbench.runtime_api.host_torch import HostTorch
from kernbench.runtime_api.installed_torch import InstalledTorch
from kernbench.runtime_api.kernel_host import KernelHost, Trial
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.script import Script
from kernbench.runtime_api.torch import Torch
from kernbench.triton_emu.driver import set_host
from kernbench.triton_emu.jit import set_launcher
from kernbench.triton_emu.shim import Shim, is_installed
from kernbench.triton_emu.shim_modules import triton_module

Verify = Callable[[Torch, Row], int]


class RankProgram:
    """Call it on a coroutine: it runs the bench to its end and leaves `rows` and the hash of their results behind.

    A script runs as rank 0; other ranks have nothing to do then. Its rows are the kernels that it launched.
    """

    def __init__(self, rank: Rank, ref: BenchRef, arguments: Mapping[str, Any], trial: Trial) -> None:
        self._rank = rank
        self._ref = ref
        self._trial = trial
        self._arguments = {name: _revive(value) for name, value in arguments.items()}
        self._hash = blake2b(digest_size=16)
        self.rows: list[dict[str, Any]] = []

    def __call__(self) -> None:
        """Run the bench."""
        torch = Torch(self._rank)
        own, installed = HostTorch(torch, self._rank), InstalledTorch(self._rank, torch.distributed)

        def a_device() -> Any:
            return (installed if "torch" in sys.modules else own).a_device()

        host = KernelHost(self._rank, self._trial, a_device)
        set_launcher(host.launch)
        set_host(host)
        given: dict[str, Any] = {"triton": triton_module()}
        if not is_installed("torch"):
            given["torch"] = own
        shim = Shim(Path(self._ref.file).parent, self._ref.emulate, given, installed.modules)
        try:
            self._run(torch, host, shim)
        finally:
            installed.close()

    def _run(self, torch: Torch, host: KernelHost, shim: Shim) -> None:
        """Run the file in what was made for it."""
        if self._ref.is_script:
            if self._rank.index == 0:
                self._rank.use(self._arguments["pes"])
                self.rows = host.rows  # as they grow: a run that is cut short keeps what has been launched
                Script(self._ref, shim).run()
            return
        module = load_module(self._ref, shim)
        verify: Verify | None = getattr(module, "verify", None)
        phases = self._rank.phases
        phases.begin("row 0")
        for number, row in enumerate(_rows(function_of(module, self._ref)(torch, **self._arguments))):
            phases.end(_title(number, row))
            self._take(torch, row, verify)
            phases.begin(f"row {number + 1}")
        phases.drop()

    def digest(self) -> str:
        """The hash of every row's results, in hexadecimal."""
        return self._hash.hexdigest()

    def _take(self, torch: Torch, row: Row, verify: Verify | None) -> None:
        wrong: int | None = None
        if self._rank.values:
            for tensor in row.results:
                self._hash.update(tensor.peek().tobytes())
            if verify is not None:
                wrong = verify(torch, row)
        self.rows.append(
            {
                **row.columns,
                "start_fs": row.start,
                "end_fs": row.end,
                "launch_fs": row.launch,
                "queued_fs": row.queued,
                "overlap_fs": row.overlap,
                "wrong": wrong,
            }
        )


def _title(number: int, row: Row) -> str:
    """The name of a row's phase, once it is known: `row 3: 64KiB`."""
    size = row.columns.get("size_bytes")
    return f"row {number}: {format_size(size)}" if isinstance(size, int) else f"row {number}"


def _rows(result: Any) -> Iterator[Row]:
    """A bench returns a row, a list of rows or nothing, or yields rows."""
    if result is None:
        return
    if isinstance(result, Row):
        yield result
        return
    if inspect.isgenerator(result) or isinstance(result, list | tuple):
        for row in result:
            if not isinstance(row, Row):
                raise TypeError(f"a bench yields rows (torch.Row), got {row!r}")
            yield row
        return
    raise TypeError(f"a bench returns or yields rows (torch.Row), got {result!r}")


def _revive(value: Any) -> Any:
    """A sweep travels as its fields."""
    if isinstance(value, dict) and value.keys() == {"begin", "end", "factor"}:
        return Sweep(**value)
    return value
