"""The row of a kernel: what one launch took, beside what it had to do and what the roofline allows."""

from typing import Any

from kernbench.common.errors import UsageError
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.roof import Work, roof_of
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.compiled import Compiled


def kernel_row(
    rank: Rank,
    launched: Compiled,
    columns: dict[str, Any],
    work: Work,
    results: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
) -> Row:
    """`launched` is what `kernel[grid](...)` gave back, `work` what one rank's launch has to do at the least."""
    completion = launched.completion
    if completion is None:
        raise UsageError(
            f"{launched.name}: nothing was launched, so there is no time; its grid is {launched.launch.grid}"
        )
    launch = launched.launch
    used = launch.place(rank.pes)[: launch.count]
    bound, roof = roof_of(rank.machine, rank.sip, used).bound(work)
    device = completion.device_end - completion.device_start
    counted = {"pes": len(used), "flops": work.flops, "moved_bytes": work.moved, "bound": bound, "roof_fs": roof}
    return Row(
        {**columns, **counted},
        completion.device_start,
        completion.device_end,
        launch=completion.latency - device,
        queued=completion.queued,
        overlap=completion.overlap,
        results=results,
        inputs=inputs,
    )
