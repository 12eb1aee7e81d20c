"""The document of a run: what --json prints and run.json holds; data/run.schema.json describes it."""

from typing import TYPE_CHECKING, Any

import kernbench
from kernbench.common.units import FS_PER_S, carry_time, rate_gbs, to_ns

if TYPE_CHECKING:
    from actors.row_result import RowResult
    from actors.simulation import Kept, Result, Simulation
    from kernbench.common.messages.report import LinkReport

SCHEMA = "kernbench/run/1"
HOTTEST = 5


def begun(simulation: "Simulation", bench: str, arguments: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """What is known before the run: the whole document of a run that gave no result."""
    topology = simulation.topology
    return {
        "schema": SCHEMA,
        "version": kernbench.__version__,
        "command": "run",
        "args": arguments,
        "status": None,
        "run_dir": None,
        "transport": simulation.transport,
        "values": simulation.values,
        "build_s": simulation.build_s,
        "bench": bench,
        "arguments": {},
        "sips": topology.sips,
        "ranks": len(simulation.ranks),
        "workers": {
            "requested": asked["workers"],
            "used": simulation.workers,
            "pids": [],
            "reason": simulation.workers_reason,
        },
        "topology": {
            "file": simulation.source.name,
            "sha256": simulation.source.sha256,
            "effective_sha256": topology.effective_sha256,
            "overrides": asked["overrides"],
        },
        "seed": simulation.seed,
        "sim_time_ns": None,
        "sim_time_fs": None,
        "wall_s": None,
        "events": None,
        "digest": None,
        "digest_time": None,
        "digest_values": None,
        "wrong": None,
        "audit": None,
        "sync": None,
        "rows": [],
        "roofline": None,
        "links": {"count": 0, "hottest": []},
    }


def ended(document: dict[str, Any], result: "Result") -> dict[str, Any]:
    """The document with what the run gave. A run that was cut short has no digest: where it was cut is chance."""
    stats = result.stats
    whole = not result.stopped
    return {
        **document,
        "arguments": result.arguments,
        "workers": {**document["workers"], "used": len(stats.workers), "pids": [each.pid for each in stats.workers]},
        "build_s": result.build_s,
        "sim_time_ns": to_ns(result.sim_time),
        "sim_time_fs": result.sim_time,
        "wall_s": result.wall_s,
        "events": stats.events,
        "digest": result.digest if whole else None,
        "digest_time": result.digest_time if whole else None,
        "digest_values": result.digest_values if whole else None,
        "wrong": result.wrong,
        "audit": "ok" if whole else f"not done: the run was cut short ({result.stopped})",
        "sync": {
            "lookahead_ns": to_ns(stats.lookahead_fs) if sum(len(each.sips) for each in stats.workers) > 1 else None,
            "rounds": stats.windows,
            "messages": stats.messages,
            "events_per_round": stats.events_per_window,
            "workers": [
                {
                    "pid": each.pid,
                    "sips": [*each.sips],
                    "events": each.events,
                    "cpu_s": each.cpu_s,
                    "wall_s": each.wall_s,
                    "wait_share": each.wait_share,
                }
                for each in stats.workers
            ],
        },
        "rows": [_row(row) for row in result.rows],
        "links": {
            "count": len(result.links),
            "hottest": [_link(link, result.sim_time) for link in hottest(result.links)],
        },
    }


def failed(document: dict[str, Any], kept: "Kept") -> dict[str, Any]:
    """The document with what a failed run gave before."""
    counts = [row.wrong for row in kept.rows if row.wrong is not None]
    return {
        **document,
        "sim_time_ns": None if kept.sim_time is None else to_ns(kept.sim_time),
        "sim_time_fs": kept.sim_time,
        "wrong": sum(counts) if counts else None,
        "rows": [_row(row) for row in kept.rows],
    }


def hottest(links: "tuple[LinkReport, ...]") -> "list[LinkReport]":
    """The links that use most of their bandwidth, of equal ones the first by name."""
    return sorted(links, key=lambda link: (-carry_time(link.bytes_in, link.bw), link.name))[:HOTTEST]


def _row(row: "RowResult") -> dict[str, Any]:
    """A row's times in ns; of a collective also its bandwidths, as nccl-tests computes them; of a kernel its rates."""
    columns = dict(row.columns)
    bus, bound, size = columns.pop("bus_factor", None), columns.pop("bound_bw", None), columns.get("size_bytes")
    document: dict[str, Any] = {}
    for name, value in columns.items():
        if name.endswith("_fs") and value is not None:
            document[f"{name.removesuffix('_fs')}_ns"] = to_ns(value)
        else:
            document[name] = value
    times = {"time": row.time, "launch": row.launch, "queue": row.queued, "overlap": row.overlap}
    document |= {f"{name}_ns": to_ns(time) for name, time in times.items()} | {"wrong": row.wrong}
    if isinstance(size, int):
        document["algbw_gbs"] = rate_gbs(size, row.time)
        if bus is not None:
            document["busbw_gbs"] = rate_gbs(size * bus[0], row.time * bus[1])
    if bound is not None:
        document["bound_busbw_gbs"] = bound / 10**9
    return document | _rates(row)


def _rates(row: "RowResult") -> dict[str, Any]:
    """What follows from the counts that `torch.kernel_row` gives a kernel's row, and its time; of other rows nothing."""
    flops, moved, roof = (row.columns.get(name) for name in ("flops", "moved_bytes", "roof_fs"))
    if not (isinstance(flops, int) and isinstance(moved, int) and isinstance(roof, int)):
        return {}
    return {
        "tflops": flops * FS_PER_S / row.time / 10**12 if row.time else 0.0,
        "gbs": rate_gbs(moved, row.time),
        "flop_per_byte": flops / moved if moved else None,
        "roof_share": roof / row.time if row.time else 0.0,
    }


def _link(link: "LinkReport", sim_time: int) -> dict[str, Any]:
    return {
        "name": link.name,
        "bytes": link.bytes_in,
        "busy_ns": to_ns(link.busy),
        "utilization": carry_time(link.bytes_in, link.bw) / sim_time if sim_time else 0.0,
        "gbs": rate_gbs(link.bytes_in, sim_time),
        "bw_gbs": link.bw / 10**9,
    }
