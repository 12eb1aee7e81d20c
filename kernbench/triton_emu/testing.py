"""`triton.testing`: functions measured in simulated time, tables of such measurements, and comparisons of tensors."""

import sys
from collections.abc import Callable, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.triton_emu.driver import current_host
from kernbench.triton_emu.numerics import Array

FS_PER_MS = 10**12
_WIDTH = 12


def do_bench(
    fn: Callable[[], Any],
    warmup: int = 25,  # noqa: ARG001  # simulated time needs neither warming up nor repetition
    rep: int = 100,  # noqa: ARG001
    grad_to_none: Sequence[Any] | None = None,
    quantiles: Sequence[float] | None = None,
    return_mode: str = "mean",
    **_hints: Any,
) -> Any:
    """Milliseconds of simulated time that one call takes, from the host's call to its end, launches included.

    The machine has no noise: every quantile is that one number. A function that asks nothing of the device takes NaN:
    real time would say nothing about it, and rates computed from zero would be errors.
    """
    if return_mode not in ("min", "max", "mean", "median", "all"):
        raise UsageError(f"do_bench: return_mode {return_mode!r}; there are min, max, mean, median, all")
    host = current_host("do_bench")
    for each in grad_to_none or ():
        each.grad = None
    begin = host.now()
    fn()
    took = (host.now() - begin) / FS_PER_MS or nan
    if quantiles is not None:
        return took if len(quantiles) == 1 else [took] * len(quantiles)
    return [took] if return_mode == "all" else took


def get_dram_gbps(_device: Any = None) -> float:
    """GB/s of the device's memory."""
    return current_host("get_dram_gbps").facts.memory_bw / 1e9


def get_max_tensorcore_tflops(_dtype: Any = None, _clock_rate: Any = None, _device: Any = None) -> float:
    """TFLOP/s of all systolic arrays; they have one rate for all types, at the device's own clock."""
    return current_host("get_max_tensorcore_tflops").facts.matrix_flops / 1e12


def get_max_simd_tflops(_dtype: Any = None, _clock_rate: Any = None, _device: Any = None) -> float:
    """TFLOP/s of all vector units; they have one rate for all types, at the device's own clock."""
    return current_host("get_max_simd_tflops").facts.vector_flops / 1e12


def nvsmi(attrs: Sequence[str]) -> list[int]:
    """The clock, in MHz; there is no other attribute."""
    other = [each for each in attrs if not each.startswith("clocks.")]
    if other:
        raise UsageError(f"triton.testing.nvsmi: {other[0]} is no attribute of this device; it has clocks.max.sm")
    return [current_host("nvsmi").facts.clock_hz // 10**6 for _ in attrs]


class Benchmark:
    """What `perf_report` varies: `x_names` take `x_vals`, `line_arg` takes `line_vals`, `args` stay."""

    def __init__(
        self,
        x_names: Sequence[str],
        x_vals: Sequence[Any],
        line_arg: str,
        line_vals: Sequence[Any],
        line_names: Sequence[str],
        plot_name: str,
        args: Mapping[str, Any],
        xlabel: str = "",
        ylabel: str = "",
        x_log: bool = False,
        y_log: bool = False,
        styles: Sequence[Any] | None = None,
    ) -> None:
        self.x_names = list(x_names)
        self.x_vals = list(x_vals)
        self.line_arg = line_arg
        self.line_vals = list(line_vals)
        self.line_names = list(line_names)
        self.plot_name = plot_name
        self.args = dict(args)
        self.xlabel = xlabel
        self.ylabel = ylabel
        self.x_log = x_log
        self.y_log = y_log
        self.styles = styles


class Mark:
    """A function with its benchmarks; `run` measures and prints a table of each."""

    def __init__(self, fn: Callable[..., Any], benchmarks: Benchmark | Sequence[Benchmark]) -> None:
        self.fn = fn
        self.benchmarks = benchmarks

    def run(
        self,
        show_plots: bool = False,  # noqa: ARG002  # the table says what a plot would
        print_data: bool = False,
        save_path: str = "",
        return_df: bool = False,
        **kwargs: Any,
    ) -> None:
        """Measure; print the table if asked, write it to `save_path` as `NAME.csv` if that is given.

        Each line is printed and written as soon as it is measured: a sweep for a GPU may be cut short on a simulator.
        """
        if return_df:
            raise UsageError("perf_report.run: return_df makes pandas' tables; use print_data=True or save_path")
        for benchmark in [self.benchmarks] if isinstance(self.benchmarks, Benchmark) else self.benchmarks:
            sizes = [_sizes(benchmark, x) for x in benchmark.x_vals]
            head = _head(benchmark)
            widths = _widths(head, sizes)
            path = Path(save_path) / f"{benchmark.plot_name}.csv" if save_path else None
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_csv(head))
            if print_data:
                sys.stdout.write(f"{benchmark.plot_name}:\n{_aligned(head, widths)}")
            for size in sizes:
                row = self._row(benchmark, size, kwargs)
                if path is not None:
                    with path.open("a") as file:
                        file.write(_csv(row))
                if print_data:
                    sys.stdout.write(_aligned(row, widths))
                    sys.stdout.flush()

    def _row(self, benchmark: Benchmark, size: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
        """One size: its numbers and what each line measures."""
        at = dict(zip(benchmark.x_names, size, strict=True))
        row = [_number(value) for value in size]
        for line in benchmark.line_vals:
            found = self.fn(**at, **{benchmark.line_arg: line}, **benchmark.args, **kwargs)
            row.append(_number(found[0] if isinstance(found, tuple | list) else found))
        return row


def perf_report(benchmarks: Benchmark | Sequence[Benchmark]) -> Callable[[Callable[..., Any]], Mark]:
    """Decorator: measure a function over the values of benchmarks."""

    def decorate(fn: Callable[..., Any]) -> Mark:
        return Mark(fn, benchmarks)

    return decorate


def assert_close(x: Any, y: Any, atol: float | None = None, rtol: float | None = None, err_msg: str = "") -> None:
    """Raise AssertionError unless two tensors, arrays or numbers agree within `atol` (0.01 unless said) and `rtol`."""
    least = 1e-2 if atol is None else _single(atol)
    share = 0.0 if rtol is None else _single(rtol)
    np.testing.assert_allclose(_array(x), _array(y), atol=least, rtol=share, err_msg=err_msg, equal_nan=True)


def assert_almost_equal(x: Any, y: Any, decimal: int = 2, err_msg: str = "") -> None:
    """Raise AssertionError unless two tensors agree to so many decimals."""
    np.testing.assert_array_almost_equal(_array(x), _array(y), decimal=decimal, err_msg=err_msg)


def _array(value: Any) -> Array:
    """The elements of a tensor of the device or of torch, an array or a number; narrow floats as float32."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "untyped_storage"):
        value = value.float() if value.is_floating_point() else value
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return array.astype(np.float32) if array.dtype.itemsize <= 2 and array.dtype.kind not in "iub" else array


def _single(tolerance: Any) -> float:
    return float(tolerance() if callable(tolerance) else tolerance)


def _number(value: Any) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _sizes(benchmark: Benchmark, x: Any) -> list[Any]:
    """The value of each of `x_names`; one value stands for all."""
    values = list(x) if isinstance(x, tuple | list) else [x] * len(benchmark.x_names)
    if len(values) != len(benchmark.x_names):
        raise UsageError(f"{benchmark.plot_name}: x_names are {benchmark.x_names}, but a value is {x!r}")
    return values


def _head(benchmark: Benchmark) -> list[str]:
    unit = f" ({benchmark.ylabel})" if benchmark.ylabel else ""
    return [*benchmark.x_names, *(f"{name}{unit}" for name in benchmark.line_names)]


def _csv(row: Sequence[str]) -> str:
    return ",".join(row) + "\n"


def _widths(head: Sequence[str], sizes: Sequence[Sequence[Any]]) -> list[int]:
    """Of each column, chosen before anything is measured."""
    known = [
        max([len(title), *(len(_number(each)) for each in column)])
        for title, *column in zip(head, *sizes, strict=False)
    ]
    return known + [max(len(title), _WIDTH) for title in head[len(known) :]]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + "\n"
