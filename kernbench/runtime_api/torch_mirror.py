"""Tensors of a torch that is installed, as arguments of kernels: their bytes on the device for the time of a launch."""

import ctypes
from typing import Any

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.policy.address import Allocation
from kernbench.policy.placement import Interleaved
from kernbench.runtime_api.rank import Rank
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.access import PointerArg


class TorchMirror:
    """Each storage of the host's torch has a range of device memory; views of one storage share it.

    The bytes are looked at where torch has them when a launch is made, and put back there when it is complete. Both
    happen outside simulated time: on the machine that the program was written for they are in device memory anyway.
    torch is never imported here.
    """

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self._ranges: dict[tuple[int, int], Allocation] = {}
        self._lent: dict[tuple[int, int], tuple[Any, bytes]] = {}

    def adopt(self, name: str, tensor: Any) -> PointerArg:
        """The pointer that stands for a tensor; what the tensor holds now is what the kernel will read."""
        if str(tensor.device.type) != "cpu":
            raise UsageError(f"{name}: a tensor on {tensor.device}; kernbench takes torch's CPU tensors, use .cpu()")
        own = str(tensor.dtype).removeprefix("torch.")
        kind = dtypes.BY_NAME.get(_NAMES.get(own, own))
        if kind is None:
            raise UsageError(f"{name}: torch's {tensor.dtype} is no element type here; {', '.join(dtypes.BY_NAME)} are")
        storage = tensor.untyped_storage()
        key = (storage.data_ptr(), storage.nbytes())
        held = self._ranges.get(key)
        if held is None:
            size = max(storage.nbytes(), 1)
            held = self._rank.space.allocate(self._rank.fresh_name("torch"), size, Interleaved())
            self._ranges[key] = held
        if self._rank.values and storage.nbytes():
            data = ctypes.string_at(storage.data_ptr(), storage.nbytes())
            self._rank.poke(held.address, data)
            self._lent[key] = storage, data
        start = tensor.storage_offset() * tensor.element_size()
        return PointerArg(name, held.address + start, storage.nbytes() - start, kind)

    def write_back(self) -> None:
        """Put what a kernel changed into the storages lent since the last call, and nothing else: they may overlap."""
        lent, self._lent = self._lent, {}
        for key, (storage, before) in lent.items():
            data = self._rank.peek(self._ranges[key].address, len(before))
            if data != before:
                now, then = np.frombuffer(data, np.uint8), np.frombuffer(before, np.uint8)
                memory = np.ctypeslib.as_array((ctypes.c_uint8 * len(data)).from_address(storage.data_ptr()))
                changed = now != then
                memory[changed] = now[changed]


_NAMES = {
    "bool": "int1",
    "half": "float16",
    "float": "float32",
    "float8_e4m3fn": "float8e4nv",
    "float8_e4m3fnuz": "float8e4b8",
    "float8_e5m2": "float8e5",
    "float8_e5m2fnuz": "float8e5b16",
}
"""Element types whose name in torch is another one."""
