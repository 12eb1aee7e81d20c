"""`torch.cuda.Stream` where torch is installed: one that torch's own functions take for a stream."""

from typing import Any

from kernbench.runtime_api.host_cuda import Stream
from kernbench.runtime_api.rank import Rank

_CUDA = 1
"""torch's number of the kind of device."""


def device_stream(torch: Any, rank: Rank) -> Stream:
    """The one queue of the rank."""

    class DeviceStream(Stream, torch.Stream):  # type: ignore[misc]  # torch is not there to be checked
        """What it does is ours, what it is is torch's."""

        def __new__(cls, _rank: Rank) -> Any:
            return torch.Stream.__new__(cls, stream_id=0, device_index=0, device_type=_CUDA)

    made: Stream = DeviceStream(rank)
    return made
