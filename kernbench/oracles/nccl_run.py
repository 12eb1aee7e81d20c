"""The simulator's ring with the latency and bandwidth that were fitted to NCCL: beside what was measured, and the closed form."""

from collections.abc import Iterator, Sequence

import msgspec

from actors.simulation import Simulation
from kernbench.common.errors import UsageError
from kernbench.common.units import to_ns
from kernbench.oracles.nccl import Fit, Measured, Protocol, halves

LEAST_LATENCY_US = 0.001
CHANNELS = 4
"""PEs that share an all-reduce: one alone moves less than the links do."""
MACHINE = (
    "sip.cube_mesh=1x1",
    "quantum_bytes=16KiB",
    "fabric.kind=ring",
    "fabric.credit_ns=100",
    "fabric.buffer_bytes=4MiB",
    "sip.cube.pe.ipcq.slots=32",
    "sip.io.noc.buffer_bytes=32KiB",
    "sip.ucie.buffer_bytes=32KiB",
    "sip.cube.noc.buffer_bytes=32KiB",
    "sip.cube.xbar_to_hbm_buffer_bytes=32KiB",
)
"""A SIP of one cube whose queues and buffers hold what a link of 200 GB/s has under way in some us."""


class Simulated(msgspec.Struct, frozen=True):
    """One size of one group: measured, fitted, and the base of the fit plus what the simulator's ring takes, in us."""

    ranks: int
    size_bytes: int
    measured_us: float
    fitted_us: float
    simulated_us: float
    events: int


def topology_of(protocol: Protocol) -> tuple[str, ...]:
    """The overrides that give a machine these links; the default topology is left as it is."""
    return (
        *MACHINE,
        f"fabric.latency_ns={protocol.latency_us * 1000:.3f}",
        f"fabric.bw_gbs={protocol.bandwidth_gbs:.3f}",
    )


def simulate(fit: Fit, rows: Sequence[Measured], size: int) -> Iterator[Simulated]:
    """For each one-node group the size nearest to `size` that was not fitted, with the protocol of long messages."""
    protocol = fit.protocols[-1]
    if protocol.latency_us < LEAST_LATENCY_US:
        raise UsageError(
            f"the fitted latency of long messages is {protocol.latency_us:.3g} us, and a link takes at least 1 ns; use --simulate none"
        )
    groups: dict[int, list[Measured]] = {}
    for row in halves(rows)[1]:
        if row.nodes == 1:
            groups.setdefault(row.ranks, []).append(row)
    for ranks, known in sorted(groups.items()):
        row = min(known, key=lambda each: (abs(each.size - size), each.size))
        machine = Simulation(sips=ranks, values=False, overrides=topology_of(protocol))
        result = machine.run("allreduce", sizes=row.size, algo="ring", channels=CHANNELS)
        device_us = to_ns(result.rows[0].time) / 1000
        yield Simulated(
            ranks,
            row.size,
            row.time_us,
            fit.time_us(ranks, row.size),
            protocol.base_us + device_us,
            result.stats.events,
        )
