"""The oracle mesh and link: closed forms, conservation, fairness, what is refused."""

from fractions import Fraction

import pytest

from kernbench.common.errors import UsageError
from kernbench.oracles.arrivals import CYCLE, parse_sizes
from kernbench.oracles.line import lone_transfer, merging_shares, shared_end, throttled_period
from kernbench.oracles.mesh import MeshConfig
from kernbench.oracles.one_link import lindley, measure_link
from kernbench.oracles.traffic import PATTERNS, parse_grid, parse_traffic
from kernbench.oracles.traffic_run import TrafficRun


def run(
    mesh="4x4", flits="8", traffic="uniform", rate=0.3, buffer=64, hop=3, packets=1000, seed=1, arrivals="bernoulli"
):
    grid = parse_grid(mesh)
    config = MeshConfig(
        grid=grid, traffic=parse_traffic(traffic, grid), sizes=parse_sizes(flits), rate=rate, buffer=buffer,
        hop_cycles=hop, arrivals=arrivals, seed=seed,
    )  # fmt: skip
    return TrafficRun(config, packets, packets // 5).measure()


def matrix(tmp_path, rows):
    file = tmp_path / "matrix.txt"
    file.write_text("\n".join(" ".join(map(str, row)) for row in rows))
    return f"matrix:{file}"


def test_zero_load_latency_is_booksims_formula(tmp_path):
    """T = 5 + 3h + (L - 1); the only source is the west end of a line of 4, the only destination its east end."""
    rows = [[0, 0, 0, 1], [0] * 4, [0] * 4, [0] * 4]
    result = run("4x1", traffic=matrix(tmp_path, rows), rate=0.01, packets=50)
    assert (result.p50, result.breakdown_cycles["wire"]) == (5 + 3 * 3 + 7, 4 + 3 * 3)


def test_parts_of_the_mean_sum_to_it():
    result = run(rate=0.5)
    assert sum(result.breakdown_cycles.values()) == pytest.approx(result.mean_latency_cycles, rel=1e-12)


def test_a_run_is_a_function_of_its_seed():
    first, again, other = run(seed=7, packets=300), run(seed=7, packets=300), run(seed=8, packets=300)
    assert first == again
    assert first != other


def test_all_measured_packets_arrive_below_saturation_and_rates_are_what_was_offered():
    result = run(packets=3000)
    assert (result.packets, result.unfinished) == (3000, 0)
    assert result.accepted_rate == pytest.approx(0.3, rel=0.04)
    assert result.accepted_rate == pytest.approx(sum(result.per_source_accepted) / 16, rel=1e-12)


def test_smaller_buffers_accept_less():
    small, large = (run(rate=1.0, buffer=buffer, packets=1200).accepted_rate for buffer in (8, 64))
    assert small < 0.8 * large


def test_a_merging_line_of_routers_shares_by_round_robin_per_port(tmp_path):
    result = run("4x1", traffic=matrix(tmp_path, [[0, 0, 0, 1]] * 4), rate=1.0, packets=4000)
    assert result.unfinished > 0
    total = sum(result.per_source_accepted)
    shares = [share / total for share in result.per_source_accepted]
    assert shares == pytest.approx([0.125, 0.125, 0.25, 0.5], abs=0.002)


def test_shares_of_a_merging_line_are_exact():
    assert merging_shares(4, 16) == [Fraction(1, 8), Fraction(1, 8), Fraction(1, 4), Fraction(1, 2)]


def test_mixed_sizes_have_the_mean_of_their_shares():
    assert parse_sizes("1:0.5,16:0.5").mean == Fraction(17, 2)
    assert run(flits="1:0.5,16:0.5").breakdown_cycles["serialisation"] == pytest.approx(8.5, rel=0.1)


@pytest.mark.parametrize(
    ("traffic", "destinations"),
    [
        ("transpose", [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]),
        ("neighbour", [5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0]),
        ("tornado", [5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0]),
        ("bitcomp", list(range(15, -1, -1))),
        ("shuffle", [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15]),
    ],
)
def test_permutations_go_where_booksim_sends_them(traffic, destinations):
    assert [draw(None) for draw in parse_traffic(traffic, parse_grid("4x4"))] == destinations


def test_a_hotspot_weighs_as_told():
    from random import Random

    draw = parse_traffic("hotspot:10=3", parse_grid("4x4"))[0]
    random = Random(1)
    drawn = [draw(random) for _ in range(18000)]
    assert drawn.count(10) == pytest.approx(3000, rel=0.05)
    assert drawn.count(0) == pytest.approx(1000, rel=0.1)


@pytest.mark.parametrize("pattern", [name for name in PATTERNS if ":" not in name])
def test_every_pattern_runs(pattern):
    assert run(traffic=pattern, rate=0.1, packets=200, arrivals="poisson").packets == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"buffer": 7}, "--buffer 7: a packet of 8 flits does not fit"),
        ({"rate": 1.5}, "--rate 1.5: expected"),
        ({"hop": 0}, "--hop-cycles 0: expected at least 1"),
        ({"mesh": "4"}, "--mesh 4: expected columns x rows"),
        ({"mesh": "4x2", "traffic": "transpose"}, "--traffic transpose: expected a square mesh, got 4x2"),
        ({"mesh": "6x1", "traffic": "shuffle"}, "--traffic shuffle: expected a power of two of nodes, got 6"),
        ({"traffic": "hotspot:16=3"}, "--traffic hotspot:16=3: expected a node of 0..15"),
        ({"traffic": "nearest"}, "--traffic nearest: expected uniform, transpose"),
        ({"traffic": "matrix:absent"}, "--traffic matrix:absent: No such file"),
        ({"flits": "8:x"}, "--flits 8:x: expected a size"),
        ({"flits": "0"}, "--flits 0: expected sizes of at least 1 flit"),
    ],
)
def test_what_the_model_does_not_stand_for_is_refused(change, words):
    with pytest.raises(UsageError) as caught:
        run(**change)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("arrivals", ["poisson", "bernoulli"])
def test_waiting_at_a_link_is_lindleys_recursion_packet_for_packet(arrivals):
    load = Fraction(9, 10)
    model = measure_link(arrivals, load, 8, 1, 3000, 0, 5)
    assert model.mean_wait_cycles == pytest.approx(lindley(arrivals, load, 8, 3000, 5), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("arrivals", "sources"), [("poisson", 1), ("poisson", 4), ("bernoulli", 1)])
def test_waiting_of_the_model_alone_meets_the_closed_form(arrivals, sources):
    result = measure_link(arrivals, Fraction(1, 2), 8, sources, 200_000, 10_000, 3)
    assert result.ci95 is not None
    assert abs(result.mean_wait_cycles - result.expected_wait_cycles) <= max(
        result.ci95, 0.02 * result.expected_wait_cycles
    )


def test_a_lone_transfer_a_shared_link_and_a_throttled_one_are_exact():
    from kernbench.common.units import gbs, ns, transfer_time

    assert lone_transfer([gbs(50), gbs(64)], ns(7), 2**16) == 2 * ns(7) + transfer_time(2**16, gbs(50))
    assert shared_end(-1, 3, gbs(64), ns(5), 2**16) == ns(5) + transfer_time(3 * 2**16, gbs(64))
    assert throttled_period(ns(40), ns(2), 1024, gbs(64), 10) == 42 * CYCLE
