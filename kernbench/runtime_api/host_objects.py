"""Objects of the host program on their way between ranks: as bytes in tensors, so that they take the time they cost.

They are encoded as MessagePack and never pickled: what comes from another rank is data, not code.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import numpy as np

from kernbench.common.errors import UsageError
from kernbench.runtime_api.group import Group
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.work import Work
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.dtype import DType

Collective: TypeAlias = Callable[..., Work]

LARGEST = 1 << 24
"""The most bytes that one rank's objects take: they are small facts, tensors have collectives of their own."""


class HostObjects:
    """One rank's side of `all_gather_object` and `broadcast_object_list`: first the sizes travel, then the bytes."""

    def __init__(self, rank: Rank, all_gather: Collective, broadcast: Collective) -> None:
        self._rank = rank
        self._all_gather = all_gather
        self._broadcast = broadcast

    def all_gather(self, found: list[Any], given: Any, team: Group) -> None:
        """Fill `found` with every rank's object, in order of rank."""
        if len(found) != team.size:
            raise UsageError(f"all_gather_object: the list has {len(found)} places for {team.size} ranks")
        own = self._encoded(given, "all_gather_object")
        sizes = Tensor(self._rank, (team.size,), dtypes.int64)
        self._all_gather(sizes, self._tensor(np.array([len(own)]), dtypes.int64), group=team)
        lengths = sizes.tolist()
        width = max(lengths)
        bodies = Tensor(self._rank, (team.size * width,), dtypes.uint8)
        padded = np.frombuffer(own.ljust(width, b"\0"), np.uint8)
        self._all_gather(bodies, self._tensor(padded, dtypes.uint8), group=team)
        rows = bodies.numpy().reshape(team.size, width)
        for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            found[number] = self._decoded(row[:length].tobytes())

    def broadcast(self, objects: list[Any], src: int, team: Group) -> None:
        """Put the objects of rank `src` into everybody's list of the same length."""
        own = self._encoded(objects, "broadcast_object_list") if self._rank.index == src else b""
        size = self._tensor(np.array([len(own)]), dtypes.int64)
        self._broadcast(size, src, group=team)
        body = Tensor(self._rank, (size.item(),), dtypes.uint8)
        if own:
            body.copy_(np.frombuffer(own, np.uint8))
        self._broadcast(body, src, group=team)
        if not own:
            sent = self._decoded(body.numpy().tobytes())
            if len(sent) != len(objects):
                raise UsageError(
                    f"broadcast_object_list: rank {src} sends {len(sent)} objects, this list has {len(objects)}"
                )
            objects[:] = sent

    def _tensor(self, array: Any, dtype: DType) -> Tensor:
        return Tensor(self._rank, array.shape, dtype).copy_(array)

    def _encoded(self, given: Any, what: str) -> bytes:
        try:
            body = msgspec.msgpack.encode(given)
        except (TypeError, OverflowError) as error:
            raise UsageError(
                f"{what}: {error}; objects are numbers, text, bytes, lists and dicts, tensors go by all_gather"
            ) from error
        if len(body) > LARGEST:
            raise UsageError(f"{what}: {len(body)} bytes of objects, at most {LARGEST}; send tensors instead")
        return body

    @staticmethod
    def _decoded(body: bytes) -> Any:
        return msgspec.msgpack.decode(body)
