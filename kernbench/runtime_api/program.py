"""The program of a rank: it loads the bench, runs it, has each row verified and its results hashed."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from kernbench.runtime_api.bench import BenchRef, Sweep, function_of, load_module
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.torch import Torch
from kernbench.triton_emu.jit import set_launcher

Verify = Callable[[Torch, Row], int]


class RankProgram:
    """Call it on a coroutine: it runs the bench to its end and leaves `rows` and the hash of their results behind."""

    def __init__(self, rank: Rank, ref: BenchRef, arguments: Mapping[str, Any]) -> None:
        self._rank = rank
        self._ref = ref
        self._arguments = {name: _revive(value) for name, value in arguments.items()}
        self._hash = blake2b(digest_size=16)
        self.rows: list[dict[str, Any]] = []

    def __call__(self) -> None:
        """Run the bench."""
        torch = Torch(self._rank)
        set_launcher(torch.distributed.launch)
        module = load_module(self._ref)
        verify: Verify | None = getattr(module, "verify", None)
        for row in _rows(function_of(module, self._ref)(torch, **self._arguments)):
            self._take(torch, row, verify)

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
