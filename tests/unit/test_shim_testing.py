"""`triton.testing`: tables of measurements, and comparisons."""

import ml_dtypes
import numpy as np
import pytest

from kernbench.common.errors import UsageError
from kernbench.triton_emu.driver import set_host
from kernbench.triton_emu.testing import Benchmark, assert_almost_equal, assert_close, do_bench, perf_report


class Clock:
    """A host whose time goes on by a microsecond whenever it is asked."""

    def __init__(self):
        self.time = 0

    def now(self):
        self.time += 10**9
        return self.time


@pytest.fixture
def clock():
    clock = Clock()
    set_host(clock)
    yield clock
    set_host(None)


def of(**options):
    given = {
        "x_names": ["M", "N"],
        "x_vals": [16, (32, 64)],
        "line_arg": "who",
        "line_vals": ["a", "b"],
        "line_names": ["First", "Second"],
        "plot_name": "sizes",
        "ylabel": "GB/s",
        "args": {"K": 2},
    }
    return Benchmark(**{**given, **options})


def test_a_benchmark_calls_its_function_for_each_size_and_line_and_prints_a_table(capsys, tmp_path):
    @perf_report(of())
    def measured(M, N, who, K, extra):
        return (M * N * K + extra, 0, 0) if who == "a" else M / 3

    measured.run(print_data=True, show_plots=True, save_path=str(tmp_path / "tables"), extra=1)
    assert capsys.readouterr().out == (
        "sizes:\n M   N  First (GB/s)  Second (GB/s)\n16  16           513       5.333333\n32  64          4097      10.666667\n"
    )
    assert (tmp_path / "tables" / "sizes.csv").read_text() == (
        "M,N,First (GB/s),Second (GB/s)\n16,16,513,5.333333\n32,64,4097,10.666667\n"
    )


def test_a_sweep_that_is_cut_short_leaves_the_lines_that_it_measured(capsys, tmp_path):
    def measured(M, N, who, K):
        if M == 32:
            raise KeyboardInterrupt
        return 1.5

    with pytest.raises(KeyboardInterrupt):
        perf_report(of())(measured).run(print_data=True, save_path=str(tmp_path))
    assert (
        capsys.readouterr().out == "sizes:\n M   N  First (GB/s)  Second (GB/s)\n16  16      1.500000       1.500000\n"
    )
    assert (tmp_path / "sizes.csv").read_text() == "M,N,First (GB/s),Second (GB/s)\n16,16,1.500000,1.500000\n"


def test_several_benchmarks_are_several_tables(capsys):
    perf_report([of(plot_name="one"), of(plot_name="two")])(lambda **_: 1).run(print_data=True)
    assert [line for line in capsys.readouterr().out.splitlines() if line.endswith(":")] == ["one:", "two:"]


def test_a_table_of_pandas_and_a_size_of_the_wrong_length_are_refused():
    with pytest.raises(UsageError, match="return_df makes pandas' tables"):
        perf_report(of())(print).run(return_df=True)
    with pytest.raises(UsageError, match=r"sizes: x_names are \['M', 'N'\], but a value is \(1, 2, 3\)"):
        perf_report(of(x_vals=[(1, 2, 3)]))(print).run()


def test_do_bench_tells_milliseconds_in_each_of_its_forms(clock):
    assert do_bench(lambda: None) == 0.001
    assert do_bench(clock.now, warmup=1, rep=1) == 0.002
    assert do_bench(lambda: None, quantiles=[0.5, 0.2, 0.8]) == [0.001] * 3
    assert do_bench(lambda: None, quantiles=[0.5]) == 0.001
    assert do_bench(lambda: None, return_mode="all") == [0.001]
    with pytest.raises(UsageError, match="return_mode 'fastest'; there are min, max, mean, median, all"):
        do_bench(lambda: None, return_mode="fastest")


def test_do_bench_is_for_a_rank_s_program():
    set_host(None)
    with pytest.raises(UsageError, match="do_bench: only a rank's program has a device; run it with kernbench run"):
        do_bench(lambda: None)


def test_tensors_are_compared_within_a_hundredth_unless_said():
    assert_close(np.float32([1.0, np.nan]), np.float32([1.005, np.nan]))
    assert_close(np.array([1.0], ml_dtypes.bfloat16), np.float16([1.0]), atol=0, rtol=0)
    assert_almost_equal(1.0, 1.004)
    with pytest.raises(AssertionError):
        assert_close(np.float32([1.0]), np.float32([1.02]))
    with pytest.raises(AssertionError, match="second way"):
        assert_close(np.float32([1.0]), np.float32([1.005]), atol=1e-3, err_msg="second way")
    with pytest.raises(AssertionError):
        assert_almost_equal(1.0, 1.004, decimal=4)
