"""Ring all-reduce: reduce-scatter then all-gather around the ring of ranks, chunk by chunk, slice by slice.

Order of accumulation: chunk c starts at rank c and each next rank computes `received op own`, in the tensor's dtype.
Why in rounds: docs/adr/0002-ring-in-rounds.md; the closed form: docs/adr/0007-closed-form-of-a-pipelined-ring.md.
"""

from collections.abc import Mapping
from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.common.units import Fs, transfer_time
from kernbench.policy.placement import GRANULE
from kernbench.runtime_api.rank import Machine
from kernbench.triton_emu.jit import jit

OPERATIONS = ("sum", "prod", "max", "min")


def peers(rank: int, world: int) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Whom a rank sends to and receives from, by direction."""
    return {"next": (rank + 1) % world}, {"prev": (rank - 1) % world}


@jit
def combine(received: Any, own: Any, OP: tl.constexpr) -> Any:
    """One step of the reduction."""
    if OP == "sum":
        return received + own
    if OP == "prod":
        return received * own
    if OP == "max":
        return tl.maximum(received, own)
    return tl.minimum(received, own)


@jit
def ring_all_reduce(
    x_ptr: Any,
    count: int,
    chunk: int,
    rank: int,
    world: int,
    DTYPE: Any,
    OP: tl.constexpr,
    SLICE: tl.constexpr,
) -> None:
    """Reduce `count` elements over `world` ranks, in place. Program i of p takes every p-th round of world chunks.

    A round's chunk fits into half of a queue's slots: with more, all ranks could fill their successors' slots and wait
    for each other; with less, the link would idle while credits come back.
    """
    columns = tl.arange(0, SLICE)
    for base in range(tl.program_id(0) * world * chunk, count, tl.num_programs(0) * world * chunk):
        for step in range(2 * world - 1):
            # Step 0 only sends. In step t a rank gets the chunk that its predecessor sent in step t - 1.
            begin = base + (rank - step) % world * chunk
            end = min(begin + chunk, count)
            for start in range(begin, end, SLICE):
                offsets = start + columns
                mask = offsets < end
                if step == 0:
                    block = tl.load(x_ptr + offsets, mask=mask)
                else:
                    block = tl.recv((SLICE,), DTYPE, from_="prev")
                    if step < world:
                        block = combine(block, tl.load(x_ptr + offsets, mask=mask), OP)
                    if step >= world - 1:
                        tl.store(x_ptr + offsets, block, mask=mask)
                if step < 2 * world - 2:
                    tl.send(block, to="next", count=min(SLICE, end - start))


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
