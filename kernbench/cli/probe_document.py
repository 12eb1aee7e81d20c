"""The document of `kernbench probe --json`; times that add up are whole femtoseconds."""

from typing import TYPE_CHECKING, Any

import kernbench
from kernbench.cli.boundary import Status
from kernbench.common.units import to_ns

if TYPE_CHECKING:
    from actors.simulation import Simulation
    from kernbench.probing.contention import Contention
    from kernbench.probing.measurement import MeasuredLeg, Measurement
    from kernbench.probing.sensitivity import Effect
    from kernbench.probing.sweep import Saturation


def begun(simulation: "Simulation") -> dict[str, Any]:
    """What every document begins with."""
    source = simulation.source
    return {
        "schema": "kernbench/probe/1",
        "version": kernbench.__version__,
        "status": Status().document(),
        "topology": source.name,
        "sha256": source.sha256,
        "effective_sha256": simulation.topology.effective_sha256,
        "sips": simulation.topology.sips,
    }


def case(measured: "Measurement") -> dict[str, Any]:
    """One variant: `parts_fs` sum to `latency_fs`, those of the legs too."""
    return {
        **_figures(measured),
        "parts_fs": measured.parts,
        "legs": [_leg(each) for each in measured.legs],
    }


def _figures(measured: "Measurement") -> dict[str, Any]:
    bottleneck = measured.bottleneck
    launch = not measured.size
    return {
        "case": measured.variant.case,
        "distance": measured.variant.distance,
        "size_bytes": measured.size,
        "latency_ns": to_ns(measured.latency),
        "latency_fs": measured.latency,
        "closed_form_fs": measured.closed_form,
        "gap_fs": measured.latency - measured.closed_form,
        "bottleneck": bottleneck.name,
        "bottleneck_gbs": bottleneck.bw / 10**9,
        "effective_gbs": None if launch else measured.bandwidth / 10**9,
        "utilisation": None if launch else measured.utilisation,
    }


def _leg(each: "MeasuredLeg") -> dict[str, Any]:
    leg = each.leg
    return {
        "src": leg.src,
        "dst": leg.dst,
        "size_bytes": leg.size,
        "start_fs": leg.start,
        "end_fs": leg.end,
        "parts_fs": leg.parts,
        "closed_form_fs": each.closed_form,
        "hops": [
            {
                "link": hop.link,
                "start_fs": hop.start,
                "head_fs": hop.head,
                "waited_fs": hop.waited,
                "behind_others_fs": hop.behind,
            }
            for hop in each.passages
        ],
    }


def saturation(swept: "Saturation") -> dict[str, Any]:
    """One variant over all sizes."""
    return {
        "case": swept.variant.case,
        "distance": swept.variant.distance,
        "saturated_at_bytes": swept.saturated_at,
        "points": [_figures(point) for point in swept.points],
    }


def contention(crowd: "Contention") -> dict[str, Any]:
    """One crowd."""
    return {
        "case": crowd.pattern,
        "target": crowd.target,
        "initiators": crowd.initiators,
        "shares": list(crowd.shares),
        "latency_fs": {"p50": crowd.p50, "p95": crowd.p95, "p99": crowd.p99, "max": crowd.worst},
        "effective_gbs": crowd.bandwidth / 10**9,
        "target_gbs": crowd.target_bw / 10**9,
        "waits_fs": crowd.waits,
        "reason": crowd.reason,
        "place": crowd.place,
    }


def effect(found: "Effect") -> dict[str, Any]:
    """One key."""
    return {
        "key": found.key,
        "old": found.old,
        "new": found.new,
        "moved": [
            {"case": each.variant.case, "distance": each.variant.distance, "by_fs": each.by} for each in found.moved
        ],
        "reason": found.reason,
    }
