"""The engines of a PE by themselves: how long an operation takes, to the femtosecond."""

from types import SimpleNamespace

import msgspec
import pytest

from kernbench.common.busy import Busy
from kernbench.common.ops import Gemm, Math, Value
from kernbench.common.units import ns
from kernbench.components.pe_cpu import PeCpuConfig
from kernbench.components.pe_gemm import PeGemm, PeGemmConfig
from kernbench.components.pe_math import PeMath, PeMathConfig
from kernbench.components.pe_scheduler import PeSchedulerConfig
from kernbench.components.pe_tcm import PeTcm, PeTcmConfig
from kernbench.sim_engine.engine import Engine

SITE = (lambda: None).__code__, 0


@pytest.fixture
def board():
    """A scoreboard that notes what units tell it, and when."""
    engine = Engine()
    heard = []
    return SimpleNamespace(
        engine=engine,
        heard=heard,
        freed=lambda unit: heard.append(("freed", unit.kind, engine.now)),
        completed=lambda operation: heard.append(("completed", operation.kind, engine.now)),
        poke=lambda: None,
    )


def product(m, n, k):
    return Gemm(SITE, (), Value(m * n * 4), lambda: None, (), (m, n, k))


def vector(elements, cost):
    return Math(SITE, (), Value(elements * 4), lambda: None, (), elements, cost)


@pytest.mark.parametrize(
    ("flow", "shape", "cycles"),
    [
        ("output_stationary", (32, 32, 32), 93),
        ("output_stationary", (64, 64, 64), 503),
        ("output_stationary", (1, 1, 1), 62),
        ("output_stationary", (33, 32, 100), 323),
        ("weight_stationary", (32, 32, 32), 125),
        ("weight_stationary", (64, 64, 64), 631),
        ("weight_stationary", (100, 32, 33), 387),
    ],
)
def test_a_product_takes_the_systolic_arrays_cycles(board, flow, shape, cycles):
    gemm = PeGemm("gemm", PeGemmConfig(flow=flow), board.engine, board)
    gemm.start(product(*shape))
    board.engine.advance(2**62)
    assert board.heard == [("freed", "gemm", ns(cycles)), ("completed", "gemm", ns(cycles))]


def test_an_array_is_busy_for_the_time_that_work_took_elsewhere(board):
    """Whatever the clock; a femtosecond too."""
    gemm = PeGemm("gemm", PeGemmConfig(clock=3 * 10**9), board.engine, board)
    gemm.start(Busy(SITE, Value(0), 7_000_001))
    board.engine.advance(2**62)
    assert board.heard == [("freed", "gemm", 7_000_001), ("completed", "gemm", 7_000_001)]


def test_a_clock_that_divides_no_femtosecond_rounds_the_whole_product_up_once(board):
    gemm = PeGemm("gemm", PeGemmConfig(clock=3 * 10**9), board.engine, board)
    gemm.start(product(32, 32, 32))
    board.engine.advance(2**62)
    assert board.engine.now == 93 * 10**15 // (3 * 10**9) == 31_000_000


def test_a_one_by_one_array_still_takes_a_cycle_for_one_product(board):
    gemm = PeGemm("gemm", PeGemmConfig(rows=1, columns=1), board.engine, board)
    gemm.start(product(1, 1, 1))
    board.engine.advance(2**62)
    assert board.engine.now == ns(1)


@pytest.mark.parametrize(
    ("elements", "cost", "cycles"), [(1, "simple", 1), (64, "simple", 1), (65, "simple", 2), (128, "divide", 8)]
)
def test_a_vector_operation_takes_its_passes_over_the_lanes(board, elements, cost, cycles):
    PeMath("math", PeMathConfig(), board.engine, board).start(vector(elements, cost))
    board.engine.advance(2**62)
    assert board.engine.now == ns(cycles)


def test_tcm_holds_up_to_its_capacity_and_remembers_the_peak():
    tcm = PeTcm("tcm", PeTcmConfig(capacity=100), Engine())
    assert (tcm.allocate(60), tcm.allocate(41), tcm.allocate(40)) == (True, False, True)
    tcm.release(60)
    assert (tcm.used, tcm.peak, tcm.free, tcm.audit()) == (40, 100, 60, ["tcm: 40 bytes are still held"])


def test_configs_are_read_from_the_keys_of_the_topology():
    configs = [
        msgspec.convert({"issue_ns": 5}, PeCpuConfig),
        msgspec.convert({"queue_depth": 3}, PeSchedulerConfig),
        msgspec.convert({"rows": 8, "columns": 4, "clock_ghz": 7, "flow": "weight_stationary"}, PeGemmConfig),
        msgspec.convert({"lanes": 2, "clock_ghz": 9}, PeMathConfig),
        msgspec.convert({"capacity_bytes": 11}, PeTcmConfig),
    ]
    assert configs == [
        PeCpuConfig(issue=5),
        PeSchedulerConfig(queue_depth=3),
        PeGemmConfig(rows=8, columns=4, clock=7, flow="weight_stationary"),
        PeMathConfig(lanes=2, clock=9),
        PeTcmConfig(capacity=11),
    ]


def test_a_key_that_no_engine_knows_is_refused():
    with pytest.raises(msgspec.ValidationError, match="colums"):
        msgspec.convert({"colums": 8}, PeGemmConfig)
