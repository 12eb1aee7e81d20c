"""Tensors of a torch that is installed, as arguments of kernels and collectives: their bytes on the device meanwhile."""

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.policy.address import Allocation
from kernbench.policy.placement import Interleaved
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.view import View
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.access import PointerArg


class TorchMirror:
    """Each storage of the host's torch has a range of device memory while it lives; views of one storage share it.

    The bytes are looked at where torch has them when a launch is made, and put back there when it is complete. Both
    happen outside simulated time: on the machine that the program was written for they are in device memory anyway.
    torch is never imported here.
    """

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self._held: dict[int, _Held] = {}
        self._free: dict[int, list[Allocation]] = {}
        self._lent: dict[
            tuple[int, int, int], tuple[Any, bytes]
        ] = {}  # by storage, first byte and size: what was there
        self._away: list[tuple[int, int, int]] = []  # lent to calls that are under way: the device has the newer bytes

    def adopt(self, name: str, tensor: Any) -> PointerArg:
        """The pointer that stands for a tensor; what the tensor holds now is what the kernel will read."""
        pointer = self._pointer(name, tensor)
        self._lend(tensor.untyped_storage())
        return pointer

    def _pointer(self, name: str, tensor: Any) -> PointerArg:
        storage = tensor.untyped_storage()
        if storage.device.type != "cpu":
            raise UsageError(f"{name}: a tensor on {storage.device}; kernbench takes torch's CPU tensors, use .cpu()")
        own = str(tensor.dtype).removeprefix("torch.")
        kind = dtypes.BY_NAME.get(_NAMES.get(own, own))
        if kind is None:
            raise UsageError(f"{name}: torch's {tensor.dtype} is no element type here; {', '.join(dtypes.BY_NAME)} are")
        held = self._hold(storage)
        if hasattr(tensor, "storage_offset"):
            start = tensor.storage_offset() * tensor.element_size()
        else:  # a library's own view, which says what it is by the address that it got from a tensor
            start = tensor.data_ptr() - held.place.address
            if not 0 <= start <= storage.nbytes():
                raise UsageError(f"{name}: {type(tensor).__name__}.data_ptr() lies outside its untyped_storage()")
        return PointerArg(name, held.place.address + start, storage.nbytes() - start, kind, start)

    def tensor(self, name: str, tensor: Any) -> Tensor:
        """The rank's own tensor that stands for one of torch; it holds what that holds now.

        The storage's other bytes are left alone: they may belong to a call that is under way.
        """
        pointer, storage = self._pointer(name, tensor), tensor.untyped_storage()
        view = View(tuple(tensor.shape), tuple(tensor.stride()), tensor.storage_offset())
        self._lend(storage, pointer.before, view.span * pointer.dtype.itemsize)
        return Tensor(self._rank, view.shape, pointer.dtype, view=view, allocation=self._hold(storage).place)

    def address(self, tensor: Any) -> int:
        """The device's address of a tensor's first element, 0 if it has none.

        From now on every launch finds the tensor's bytes there: a kernel may have the address out of another tensor.
        """
        if not tensor.numel():
            return 0
        held = self._hold(tensor.untyped_storage())
        held.is_known = True
        start: int = tensor.storage_offset() * tensor.element_size()
        return held.place.address + start

    def lend_known(self) -> None:
        """Lend the storages whose addresses the program knows; each launch may follow them."""
        for held in list(self._held.values()):
            storage = held.storage() if held.is_known else None
            if storage is not None:
                self._lend(storage)

    def write_back(self) -> None:
        """Put what a kernel changed into the storages lent since the last call, and nothing else: they may overlap."""
        self.lent()()

    def lent(self) -> Callable[[], None]:
        """What puts changes into the storages lent since the last call, for when what was begun with them is complete."""
        lent, self._lent = self._lent, {}
        self._away += lent
        return lambda: self._put(lent)

    def _put(self, lent: dict[tuple[int, int, int], tuple[Any, bytes]]) -> None:
        for loan, (storage, before) in lent.items():
            self._away.remove(loan)
            key, start, _ = loan
            data = self._rank.peek(self._held[key].place.address + start, len(before))
            if data != before:
                now, then = np.frombuffer(data, np.uint8), np.frombuffer(before, np.uint8)
                memory = np.ctypeslib.as_array((ctypes.c_uint8 * len(data)).from_address(storage.data_ptr() + start))
                changed = now != then
                memory[changed] = now[changed]

    def _hold(self, storage: Any) -> "_Held":
        """The range of a storage: its own for as long as it lives, then that of the next one of its size.

        So a program that makes tensors in a loop needs the memory of those that live, and which range a tensor gets
        follows from the program alone, not from where the host's allocator puts it.
        """
        key = id(storage)  # torch keeps one object for a storage's whole life
        held = self._held.get(key)
        if held is not None:
            return held
        size = max(storage.nbytes(), 1)
        free = self._free.get(size)
        place = free.pop() if free else self._rank.space.allocate(self._rank.fresh_name("torch"), size, Interleaved())
        held = self._held[key] = _Held(storage, place)
        weakref.finalize(storage, self._release, key).atexit = False
        return held

    def _release(self, key: int) -> None:
        held = self._held.pop(key)
        self._free.setdefault(held.place.size, []).append(held.place)

    def _lend(self, storage: Any, start: int = 0, size: int | None = None) -> None:
        """Have the device hold bytes of a storage, all of them unless said."""
        size = storage.nbytes() if size is None else size
        if not self._rank.values or not size:
            return
        data = ctypes.string_at(storage.data_ptr() + start, size)
        address = self._hold(storage).place.address + start
        self._rank.poke(address, self._newest(storage, start, data, address) if self._away else data)
        self._lent[id(storage), start, size] = storage, data

    def _newest(self, storage: Any, start: int, data: bytes, address: int) -> bytes:
        """The bytes of torch, but for those that a call under way has on the device."""
        newest = bytearray(data)
        for key, begin, length in self._away:
            low, high = max(begin - start, 0), min(begin + length - start, len(data))
            if key == id(storage) and low < high:
                newest[low:high] = self._rank.peek(address + low, high - low)
        return bytes(newest)


class _Held:
    """The range of one storage; `is_known` once the program asked where it is."""

    def __init__(self, storage: Any, place: Allocation) -> None:
        self.storage = weakref.ref(storage)
        self.place = place
        self.is_known = False


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
