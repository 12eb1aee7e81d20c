"""The row of a collective in nccl-tests' columns, with the closed form and the bound beside the simulated time."""

from collections.abc import Sequence
from typing import Any

from kernbench.common.units import BytesPerSecond, Fs, transfer_time
from kernbench.policy.placement import GRANULE
from kernbench.runtime_api.collectives.bound import bus_bound
from kernbench.runtime_api.collectives.choice import choose, estimate
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.collectives.layout import slot_shape
from kernbench.runtime_api.group import Group
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.work import Work


def row_of(group: Group, kind: str, work: Work | Sequence[Work], result: Tensor, op: str) -> Row:
    """A row for one Work, or the mean of several iterations; the first rank computes the closed form for all."""
    works = [work] if isinstance(work, Work) else list(work)
    described, n = KINDS[kind], group.team.size
    blocks = n if described.outputs == "all" else 1
    count = result.numel() // (group.team.local * blocks)
    itemsize = result.element_size()
    algo = group.algo if group.algo != "auto" else choose(group, kind, count, itemsize)
    columns: dict[str, Any] = {
        "size_bytes": count * itemsize * (n if described.blocked else 1),
        "count": count,
        "dtype": result.dtype.name,
        "redop": op or "none",
        "algo": algo,
        "closed_form_fs": estimate(group, algo, kind, count, itemsize) if group.rank == 0 else 0,
        "bound_bw": bound(group, kind),
        "bus_factor": list(described.bus(n)),
    }
    start = works[0].start
    return Row(
        columns,
        start,
        start + sum(each.end - each.start for each in works) // len(works),
        launch=sum(each.launch for each in works) // len(works),
        queued=works[-1].queued,
        overlap=works[-1].overlap,
        results=(result,),
    )


def row_of_pairs(rank: Rank, way: tuple[str, str], pairs: Sequence[tuple[Work, Work]], result: Tensor) -> Row:
    """A row for receives and sends at once, the mean of several iterations; both directions are there to be used."""
    machine, size = rank.machine, result.nbytes
    path = machine.path(*way)
    slot = min(size, slot_shape(machine, rank.world - 1).slot_bytes)
    memory = machine.path(way[0], f"{way[0].partition('.')[0]}.cube00.hbm")
    access = 2 * memory.latency + max(
        transfer_time(min(slot, GRANULE), machine.slice_bw()), transfer_time(slot, memory.bw)
    )
    recv: Fs = machine.section("ipcq").recv
    columns: dict[str, Any] = {
        "size_bytes": size,
        "count": result.numel(),
        "dtype": result.dtype.name,
        "redop": "none",
        "closed_form_fs": 2 * access + path.latency + transfer_time(size, path.bw) + recv,
        "bound_bw": path.bw,
        "bus_factor": [1, 1],
    }
    start = min(work.start for work in pairs[0])
    times = [max(work.end for work in pair) - min(work.start for work in pair) for pair in pairs]
    last = max(pairs[-1], key=lambda work: work.end)
    return Row(
        columns,
        start,
        start + sum(times) // len(times),
        launch=last.launch,
        queued=last.queued,
        overlap=last.overlap,
        results=(result,),
    )


def bound(group: Group, kind: str) -> BytesPerSecond:
    """The most bus bandwidth that any algorithm can reach: over the fabric, or of one PE."""
    machine, local, described = group.machine, group.team.local, KINDS[kind]
    if group.size == 1:
        sip, _, node = group.endpoint(0, 0).partition(".")
        return machine.path(f"{sip}.{node}", f"{sip}.{node.partition('.')[0]}.hbm").bw * group.channels
    most = bus_bound(kind, [machine.fabric(group.sip(rank)) for rank in range(group.size)])
    if local == 1:
        return most
    (top, bottom), (sips, whole) = described.bus(group.team.size), described.bus(group.size)
    return most * top * whole // (bottom * sips)
