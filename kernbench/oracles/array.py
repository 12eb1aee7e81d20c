"""A systolic array on its own: the matrix engine of a PE runs one product and its end tells the cycles."""

import csv
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from kernbench.common.errors import UsageError
from kernbench.common.ops import Gemm, Operation, Unit, Value
from kernbench.common.units import FS_PER_NS, Fs
from kernbench.components.pe_gemm import PeGemm, PeGemmConfig
from kernbench.sim_engine.engine import Engine

END: Fs = 10**18
Flow: TypeAlias = Literal["output_stationary", "weight_stationary"]
FLOWS: dict[str, Flow] = {"os": "output_stationary", "ws": "weight_stationary"}


class Shape(NamedTuple):
    """An m x k by k x n product."""

    m: int
    n: int
    k: int


class Stopwatch:
    """A scoreboard that notes when the product is done."""

    def __init__(self, engine: Engine) -> None:
        self.end: Fs = 0
        self._engine = engine

    def freed(self, unit: Unit) -> None:
        """Nobody queues behind."""

    def completed(self, _operation: Operation, /) -> None:
        """Note the time."""
        self.end = self._engine.now

    def poke(self) -> None:
        """Nobody waits."""


def cycles(array: str, flow: str, shape: Shape) -> int:
    """Cycles of a product on an array such as `32x32`, stationary by output (`os`) or weight (`ws`)."""
    rows, columns = _integers(array, "x", 2, "--array", "rows x columns such as 32x32")
    config = PeGemmConfig(rows=rows, columns=columns, clock=10**9, flow=FLOWS[flow])
    engine = Engine()
    watch = Stopwatch(engine)
    unit = PeGemm("array", config, engine, watch)
    unit.start(Gemm((cycles.__code__, 0), (), Value(0), _no_values, (), shape))
    engine.advance(END)
    return watch.end // FS_PER_NS


def parse_shape(text: str) -> Shape:
    """The shape of `128,128,128`: M, N, K."""
    return Shape(*_integers(text, ",", 3, "--mnk", "M,N,K such as 128,128,128"))


def read_shapes(file: Path) -> list[tuple[str, Shape]]:
    """Names and shapes of a list in SCALE-Sim's format: a header, then `Layer,M,N,K,` lines."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"--shapes {file}: the file cannot be read: {reason}") from error
    found = [_layer(row, f"--shapes {file}:{at}") for at, row in enumerate(csv.reader(lines), 1) if row and at > 1]
    if not found:
        raise UsageError(f"--shapes {file}: there is no layer; expected a header and lines of Layer,M,N,K")
    return found


def _layer(row: list[str], place: str) -> tuple[str, Shape]:
    numbers = [cell.strip() for cell in row[1:4]]
    if len(numbers) < 3:  # M, N and K
        raise UsageError(f"{place}: expected Layer,M,N,K, got {','.join(row)}")
    return row[0], Shape(*_integers(",".join(numbers), ",", 3, f"{place}:", "M,N,K such as 128,128,128"))


def _integers(text: str, separator: str, count: int, option: str, expected: str) -> list[int]:
    parts = text.split(separator)
    if len(parts) != count or not all(part.isascii() and part.isdigit() and 0 < int(part) < 10**9 for part in parts):
        raise UsageError(f"{option} {text}: expected {expected}, whole numbers from 1")
    return [int(part) for part in parts]


def _no_values() -> None:
    """Only the time is asked for."""
