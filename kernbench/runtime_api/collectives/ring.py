"""Around the ring of ranks, chunk by chunk, slice by slice: all-reduce is reduce-scatter, then all-gather.

Order of accumulation: chunk c starts at rank c (of a reduce-scatter: at the rank after the one that will hold it) and
each next rank computes `received op own`, in the tensor's dtype.
Why in rounds: docs/adr/0002-ring-in-rounds.md; the closed form: docs/adr/0007-closed-form-of-a-pipelined-ring.md.
"""

from collections.abc import Mapping

from kernbench.common.units import Fs, transfer_time
from kernbench.policy.placement import GRANULE
from kernbench.runtime_api.collectives.schedule import Action, Schedule, Step, Team, X, Y
from kernbench.runtime_api.rank import Machine


def peers(rank: int, world: int) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Whom a rank sends to and receives from, by direction."""
    return {"next": (rank + 1) % world}, {"prev": (rank - 1) % world}


def all_reduce(rank: int, team: Team) -> Schedule:
    """2 (n - 1) messages a rank: chunk c is complete at rank c - 1, and goes round once more."""
    n, after, before = team.size, (rank + 1) % team.size, (rank - 1) % team.size
    steps: list[Step] = [[Action(rank, load=X, to=(after,))]]
    steps += [[Action((rank - t) % n, sources=(before,), load=X, to=(after,))] for t in range(1, n - 1)]
    steps.append([Action(after, sources=(before,), load=X, finish=True, store=Y, to=(after,))])
    steps += [[Action((rank - t) % n, sources=(before,), store=Y, to=(after,))] for t in range(n, 2 * n - 2)]
    steps.append([Action((rank + 2) % n, sources=(before,), store=Y)])
    return Schedule(n, steps)


def reduce_scatter(rank: int, team: Team) -> Schedule:
    """Block c starts at rank c + 1 and goes round to rank c."""
    n, after, before = team.size, (rank + 1) % team.size, (rank - 1) % team.size
    steps: list[Step] = [[Action(before, load=X, to=(after,))]]
    steps += [[Action((rank - 1 - t) % n, sources=(before,), load=X, to=(after,))] for t in range(1, n - 1)]
    steps.append([Action(rank, sources=(before,), load=X, finish=True, store=Y)])
    return Schedule(n, steps)


def all_gather(rank: int, team: Team) -> Schedule:
    """Each block goes round the ring."""
    n, after, before = team.size, (rank + 1) % team.size, (rank - 1) % team.size
    steps: list[Step] = [[Action(rank, load=X, store=Y, to=(after,))]]
    steps += [[Action((rank - t) % n, sources=(before,), store=Y, to=(after,))] for t in range(1, n - 1)]
    steps.append([Action(after, sources=(before,), store=Y)])
    return Schedule(n, steps)


def broadcast(rank: int, team: Team) -> Schedule:
    """From the root along the ring, in one pipeline."""
    to = (rank + 1,) if rank + 1 < team.size else ()
    return Schedule(1, [[Action(0, sources=(rank - 1,), store=Y, to=to) if rank else Action(0, load=X, to=to)]])


def reduce(rank: int, team: Team) -> Schedule:
    """From the root's predecessor along the ring to the root, in one pipeline."""
    sources = (rank + 1,) if rank + 1 < team.size else ()
    if rank:
        return Schedule(1, [[Action(0, sources=sources, load=X, to=(rank - 1,))]])
    return Schedule(1, [[Action(0, sources=sources, load=X, finish=True, store=Y)]])


def arguments(machine: Machine, count: int, itemsize: int, world: int, channels: int) -> dict[str, int]:
    """Chunk and slice sizes in elements.

    A slice is a slot, or the next power of two that holds a chunk; a chunk is a rank's share of a round.
    """
    largest = machine.slot_bytes // itemsize
    share = -(-count // (world * channels))
    chunk = min(share, largest * max(machine.slots // 2, 1))
    return {"chunk": chunk, "SLICE": min(largest, 1 << max(chunk - 1, 0).bit_length())}


def closed_form(machine: Machine, pe: str, count: int, itemsize: int, world: int) -> Fs:
    """Time of the pipelined ring of one channel with nobody else about, in fs.

    R rounds of world chunks are 2(n - 1) R steps of one chunk each over the slowest link. Within a round a step is over
    when its chunk has crossed that link, or when its first slice has gone through one rank (path, hand-over,
    addition), whichever takes longer: P = max(chunk / B, tau). The first slice is loaded before step 1, the last one
    is stored after the last step:
    T = load + (2 (n - 1) R - 1) P + (chunk - slice) / B + tau' + store.
    """
    sizes = arguments(machine, count, itemsize, world, 1)
    rounds = -(-count // (world * sizes["chunk"]))
    chunk, piece = sizes["chunk"] * itemsize, min(sizes["SLICE"], sizes["chunk"]) * itemsize
    paths = [machine.path(f"sip{rank}.{pe}.dma", f"sip{(rank + 1) % world}.{pe}.dma") for rank in range(world)]
    latency, bw = max(path.latency for path in paths), min(path.bw for path in paths)
    math, recv = machine.section("pe_math"), machine.section("ipcq").recv
    add: Fs = transfer_time(sizes["SLICE"], math.lanes * math.clock)
    memory = machine.path(f"sip0.{pe}.dma", "sip0.cube00.hbm")
    # A slice's granules lie in different memory slices and drain over one link: the slower of the two counts.
    access = 2 * memory.latency + max(
        transfer_time(min(piece, GRANULE), machine.slice_bw()), transfer_time(piece, memory.bw)
    )
    tau: Fs = latency + transfer_time(piece, bw) + recv
    period = max(transfer_time(chunk, bw), tau + add)
    return access + (2 * (world - 1) * rounds - 1) * period + transfer_time(chunk - piece, bw) + tau + access
