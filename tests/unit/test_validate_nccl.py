"""NCCL's measured times: what is fitted to them, what is predicted, and what is wrong with a table."""

from pathlib import Path

import pytest

from kernbench.cli import execute
from kernbench.common.errors import UsageError
from kernbench.oracles.nccl import COLUMNS, Fit, Measured, Protocol, fit, halves, packaged_rows, read_rows
from kernbench.oracles.nccl_run import simulate, topology_of

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "measured" / "a100_dgx_all_reduce.csv"
SHORT, LONG = Protocol(20, 0.25, 64), Protocol(45, 3, 192)
SIZES = [2048 * each for each in range(1, 2000, 50)]


def made(nodes=1):
    """What two protocols would measure, to the last digit."""
    return [
        Measured(ranks, nodes, size, min(each.time_us(ranks, size) for each in (SHORT, LONG)))
        for ranks in (2, 4, 8)
        for size in SIZES
    ]


def test_the_protocols_that_made_the_times_are_found_and_predict_the_rest():
    found = fit(made())
    for each, real in zip(found.protocols, (SHORT, LONG), strict=True):
        assert (each.base_us, each.latency_us, each.bandwidth_gbs) == pytest.approx(
            (real.base_us, real.latency_us, real.bandwidth_gbs), rel=1e-9
        )
    assert max(group.max_error for group in found.groups) < 1e-9


def test_no_predicted_row_is_a_fitted_one_and_two_nodes_are_never_fitted():
    known, others = halves(made())
    assert (len(known), len(others), {*known} & {*others}) == (60, 60, set())
    with_slow_nodes = [*made(), *(Measured(16, 2, size, 10**6) for size in SIZES)]
    one, both = fit(made()), fit(with_slow_nodes)
    assert (both.protocols, both.groups[:-1]) == (one.protocols, one.groups)
    assert (both.groups[-1].rows, both.groups[-1].mean_bias < -0.99) == (len(SIZES), True)


def test_the_packaged_times_are_those_of_the_table_they_came_from():
    if not DATA.is_file():
        pytest.skip(f"{DATA} is not there")
    assert packaged_rows() == read_rows(DATA)


def test_two_protocols_predict_what_was_measured_better_than_one_and_within_a_tenth():
    one, two = (fit(packaged_rows(), count).groups[:3] for count in (1, 2))
    assert all(b.mean_error < a.mean_error for a, b in zip(one, two, strict=True))
    assert [(group.ranks, group.nodes, group.rows, group.mean_error < 0.1) for group in two] == [
        (2, 1, 496, True), (4, 1, 496, True), (8, 1, 496, True),
    ]  # fmt: skip


def test_the_simulator_with_fitted_links_is_within_an_eighth_of_what_was_measured():
    """Two ranks at about 4 MiB: the base and the ring of four PEs."""
    rows = [row for row in packaged_rows() if row.ranks <= 2]
    (row,) = simulate(fit(packaged_rows()), rows, 4 * 2**20)
    assert abs(row.simulated_us / row.measured_us - 1) < 1 / 8
    assert row.fitted_us != row.simulated_us


def test_a_latency_that_no_link_has_is_not_simulated():
    no_time = Fit(1, (Protocol(1, -0.1, 100),), ())
    with pytest.raises(UsageError, match=r"latency of long messages is -0\.1 us, and a link takes at least 1 ns"):
        next(simulate(no_time, made(), 4096))


def test_fitted_values_are_overrides_of_a_machine_of_their_own():
    assert topology_of(Protocol(1, 2.5, 100))[-2:] == ("fabric.latency_ns=2500.000", "fabric.bw_gbs=100.000")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a,b"], r"t\.csv:1: no column num_workers"),
        ([",".join(COLUMNS), "2,2,x,1"], r"t\.csv:2: size is 'x', expected a whole number from 1"),
        ([",".join(COLUMNS), "2,2,8"], r"t\.csv:2: time_stats.all_reduce.median is None, expected ms"),
        ([",".join(COLUMNS), "2,2,8,0"], r"t\.csv:2: .* expected ms above 0"),
        ([",".join(COLUMNS), "2,2,8,1/0"], r"t\.csv:2: .* expected ms"),
        ([",".join(COLUMNS), "2,2,8,1e999999999"], r"t\.csv:2: .* expected ms above 0"),
        ([",".join(COLUMNS), "2,2,8,nan"], r"t\.csv:2: .* expected ms above 0"),
        ([",".join(COLUMNS), "3,2,8,1"], r"t\.csv:2: 3 ranks, 2 a node; expected whole nodes"),
        ([",".join(COLUMNS), "2,2,8,1"], r"1 one-node rows to fit, 2 protocols need at least 12"),
        ([",".join(COLUMNS), *(f"2,2,{each},{1 / each}" for each in range(1, 40))], r"do not grow with size"),
    ],
)
def test_a_table_that_says_nothing_is_refused_with_its_line(tmp_path, lines, words):
    (tmp_path / "t.csv").write_text("\n".join(lines))
    with pytest.raises(UsageError, match=words):
        fit(read_rows(tmp_path / "t.csv"))


def test_the_command_prints_the_errors_of_every_group(capsys):
    assert execute(["validate", "nccl", "--simulate", "none"]) == 0
    lines = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line[2:] in (["496"], ["993"])] == [
        ["2", "1", "496"], ["4", "1", "496"], ["8", "1", "496"],
        ["2", "2", "993"], ["4", "2", "993"], ["8", "2", "993"], ["16", "2", "993"],
    ]  # fmt: skip


@pytest.mark.slow
def test_the_page_shows_what_the_command_prints(capsys):
    assert execute(["validate", "nccl"]) == 0
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text()
    printed = capsys.readouterr().out
    assert all(part in page for part in (printed[: printed.index("simulated")], printed[printed.index("simulated") :]))


@pytest.mark.parametrize("size", ["1TiB", "x", "0"])
def test_a_size_that_is_none_or_would_take_hours_is_refused(size, capsys):
    assert execute(["validate", "nccl", "--simulate", size]) == 2
    assert "--simulate" in capsys.readouterr().err
