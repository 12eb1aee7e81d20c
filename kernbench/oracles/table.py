"""The table of oracles: each row a figure that others measured or proved, and how the model is asked for it."""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.resources import files
from typing import Any, TypeAlias

import msgspec

from kernbench.common.units import FS_PER_NS, BytesPerSecond, Fs, gbs, ns, transfer_time
from kernbench.oracles.array import cycles
from kernbench.oracles.arrivals import parse_sizes
from kernbench.oracles.hbm import measure_hbm, parse_pattern
from kernbench.oracles.line import QUANTUM, lone_transfer, merging_shares, shared_end, throttled_period
from kernbench.oracles.mesh import MeshConfig
from kernbench.oracles.one_link import WAITS, lindley, measure_link, two_level_wait
from kernbench.oracles.ring import all_reduce
from kernbench.oracles.store_and_forward import FlooredLink, all_to_all, cut_through, relay
from kernbench.oracles.traffic import parse_grid, parse_traffic
from kernbench.oracles.traffic_run import TrafficResult, TrafficRun
from kernbench.runtime_api.shapes import parse_shape
from kernbench.sim_engine.link import Link

SEEDS = (1, 2, 3)
TRUSTED_SHARE = Fraction(85, 100)
"""Of saturation: above it BookSim2's mean depends on how long one looks, so the row is reported, not judged."""


class Effort(msgspec.Struct, frozen=True):
    """How many packets a row may cost."""

    mesh: int = 8000
    saturation: int = 12000
    queue: int = 10_000
    recursion: int = 8_000_000
    rounds: int = 64
    refreshes: int = 2


Question: TypeAlias = Callable[[Effort], Fraction]


class Oracle(msgspec.Struct, frozen=True):
    """One row: `tolerance` is relative, 0 means exact, None that the row is reported and not judged."""

    name: str
    unit: str
    expected: Fraction
    tolerance: Fraction | None
    source: str
    ask: Question


class Row(msgspec.Struct, frozen=True):
    """An oracle's answer."""

    name: str
    unit: str
    expected: float
    got: float
    error: float
    tolerance: float | None
    source: str
    verdict: str


def figures() -> dict[str, Any]:
    """The packaged figures: each with configuration, source and licence."""
    text = (files("kernbench") / "data" / "oracles.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def ask(oracle: Oracle, effort: Effort) -> Row:
    """Measure, compare; exact rows are compared as fractions."""
    got = oracle.ask(effort)
    error = got / oracle.expected - 1
    verdict = "pass" if oracle.tolerance is None or abs(error) <= oracle.tolerance else "FAIL"
    return Row(
        oracle.name,
        oracle.unit,
        float(oracle.expected),
        float(got),
        float(error),
        None if oracle.tolerance is None else float(oracle.tolerance),
        oracle.source,
        "reported" if oracle.tolerance is None else verdict,
    )


def oracles() -> list[Oracle]:
    """All rows, in the order of the table."""
    data = figures()
    rows: list[Oracle] = []
    for name, make in _FAMILIES.items():
        source = data[name]["source"]
        for title, unit, expected, tolerance, question in make(data[name]):
            rows.append(Oracle(title, unit, Fraction(expected), tolerance, source, question))
    return rows


_Rows: TypeAlias = Iterator[tuple[str, str, Fraction | int | str, Fraction | None, Question]]
_EXACT = Fraction(0)


def _booksim2(data: dict[str, Any]) -> _Rows:
    for curve in data["curves"]:
        label = f"mesh {curve['mesh']} {curve['traffic']}"
        saturation = Fraction(curve["saturation"])
        for rate, latency in curve["mean_latency_cycles"].items():
            tolerance = Fraction(curve["tolerances"].get(rate, curve["tolerance"]))
            judged = Fraction(rate) <= TRUSTED_SHARE * saturation
            yield f"{label} rate {rate}", "cycles", latency, tolerance if judged else None, _latency(data, curve, rate)
        yield f"{label} saturation", "flits/cycle", saturation, Fraction(4, 100), _saturation(data, curve)


def _latency(data: dict[str, Any], curve: dict[str, Any], rate: str) -> Question:
    def question(effort: Effort) -> Fraction:
        runs = [_run(data, curve, float(rate), seed, effort.mesh) for seed in SEEDS]
        return Fraction(sum(run.mean_latency_cycles for run in runs)) / len(SEEDS)

    return question


def _saturation(data: dict[str, Any], curve: dict[str, Any]) -> Question:
    def question(effort: Effort) -> Fraction:
        runs = [_run(data, curve, 1.0, seed, effort.saturation) for seed in SEEDS]
        return Fraction(sum(run.accepted_rate for run in runs)) / len(SEEDS)

    return question


def _run(data: dict[str, Any], curve: dict[str, Any], rate: float, seed: int, packets: int) -> TrafficResult:
    grid = parse_grid(curve["mesh"])
    config = MeshConfig(
        grid=grid,
        traffic=parse_traffic(curve["traffic"], grid),
        sizes=parse_sizes(str(curve["flits"])),
        rate=rate,
        buffer=data["buffer"],
        hop_cycles=data["hop_cycles"],
        arrivals="bernoulli",
        seed=seed,
    )
    return TrafficRun(config, packets, packets // 5).measure()


def _queues(data: dict[str, Any]) -> _Rows:
    flits = data["flits"]
    for arrivals, title in (("poisson", "M/D/1"), ("bernoulli", "Geo/D/1")):
        for text in data["loads"]:
            load = Fraction(text)
            expected = WAITS[arrivals](load, flits)
            yield (
                f"{title} wait at load {text}",
                "cycles",
                expected,
                Fraction(data["tolerance"]),
                _wait(arrivals, load, flits),
            )
        yield f"{title} against Lindley's recursion", "ratio", 1, Fraction(1, 10**9), _recursion(arrivals, flits)


def _wait(arrivals: str, load: Fraction, flits: int) -> Question:
    return lambda effort: Fraction(two_level_wait(arrivals, load, flits, effort.queue, effort.recursion, 1))


def _recursion(arrivals: str, flits: int) -> Question:
    load = Fraction(4, 5)

    def question(effort: Effort) -> Fraction:
        model = measure_link(arrivals, load, flits, 1, effort.queue, 0, 2)
        return Fraction(model.mean_wait_cycles) / Fraction(lindley(arrivals, load, flits, effort.queue, 2))

    return question


def _lines(_data: dict[str, Any]) -> _Rows:
    fast, slow, hop, size = gbs(256), gbs(50), ns(10), 2**20
    for label, links in (("256 GB/s", [fast] * 10), ("256 GB/s, one of 50", [fast] * 5 + [slow] + [fast] * 4)):
        expected = _ns(10 * hop + transfer_time(size, min(links)))
        yield f"lone 1 MiB over 10 links of {label}", "ns", expected, _EXACT, _time(lone_transfer, links, hop, size)
    shared = gbs(64)
    for inputs in (2, 4, 8):
        last = hop + transfer_time(inputs * size, shared)
        first = last - transfer_time((inputs - 1) * QUANTUM, shared)
        title = f"{inputs} equal inputs on one link"
        yield f"{title}, first end", "ns", _ns(first), _EXACT, _time(shared_end, 0, inputs, shared, hop, size)
        yield f"{title}, last end", "ns", _ns(last), _EXACT, _time(shared_end, -1, inputs, shared, hop, size)
    throttled = _time(throttled_period, ns(100), ns(50), QUANTUM, shared, 64)
    yield "one-packet buffers, time a packet", "ns", _ns(ns(150)), _EXACT, throttled


def _merging_line(data: dict[str, Any]) -> _Rows:
    shares = data["shares"]
    for node, share in enumerate(shares):
        yield f"merging line, share of node {node}", "of the link", share, _EXACT, _share(node, len(shares))


def _astra_sim(data: dict[str, Any]) -> _Rows:
    bw, latency, size = data["bandwidth_bytes_per_s"], ns(data["latency_ns"]), data["message_bytes"]
    for way, send in (("store_and_forward", relay), ("cut_through", cut_through)):
        for hops, expected in data[f"{way}_ns"].items():
            title = f"ASTRA-sim {way.replace('_', '-')}, {hops} hop{'s' * (hops != '1')}"
            yield title, "ns", expected, _EXACT, _time(send, int(hops), size, bw, latency)
    nodes = data["ring_nodes"]
    floored = _time(all_to_all, nodes, size, bw, latency, FlooredLink)
    yield f"ASTRA-sim ring of {nodes}", "ns", data["ring_ns"], _EXACT, floored
    exact = _time(all_to_all, nodes, size, bw, latency, Link)
    yield f"ASTRA-sim ring of {nodes}, exact serialisation", "ns", data["ring_exact_ns"], _EXACT, exact


def _simgrid(data: dict[str, Any]) -> _Rows:
    ranks, bw, latency = data["ranks"], gbs(data["bandwidth_gbs"]), ns(data["latency_ns"])
    for size, expected in data["all_reduce_ns"].items():
        question = _time(all_reduce, ranks, int(size), bw, latency)
        yield f"ring all-reduce of {ranks}, {size} B", "ns", expected, _EXACT, question


def _scale_sim(data: dict[str, Any]) -> _Rows:
    for run in data["runs"]:
        array, flow, mnk = run["array"], run["flow"], run["mnk"]
        yield f"GEMM {mnk} on {array} {flow}", "cycles", run["cycles"], _EXACT, _cycles(array, flow, mnk)


def _ramulator(data: dict[str, Any]) -> _Rows:
    bw, tolerance = gbs(data["slice_gbs"]), Fraction(data["tolerance"])
    for pattern, share in data["share_of_peak"].items():
        yield f"HBM3 banks, {pattern}", "of the peak", share, tolerance, _share_of_peak(pattern, bw)


def _share_of_peak(pattern: str, bw: BytesPerSecond) -> Question:
    return lambda effort: Fraction(measure_hbm(parse_pattern(pattern), bw, effort.refreshes, 1).share_of_peak)


def _time(measure: Callable[..., Fs | Fraction], *given: Any) -> Question:
    return lambda _: _ns(measure(*given))


def _share(node: int, nodes: int) -> Question:
    return lambda effort: merging_shares(nodes, effort.rounds)[node]


def _cycles(array: str, flow: str, mnk: str) -> Question:
    return lambda _: Fraction(cycles(array, flow, parse_shape(mnk)))


def _ns(time: Fs | Fraction) -> Fraction:
    return Fraction(time) / FS_PER_NS


_FAMILIES: dict[str, Callable[[dict[str, Any]], _Rows]] = {
    "booksim2": _booksim2,
    "queues": _queues,
    "lines": _lines,
    "merging_line": _merging_line,
    "astra_sim": _astra_sim,
    "simgrid": _simgrid,
    "scale_sim": _scale_sim,
    "ramulator": _ramulator,
}
