"""The trap of `--poison`: a kernel that loads bytes which nobody has written stops, with its line and the tensor."""

from collections.abc import Sequence

from kernbench.common.errors import KernelError
from kernbench.common.ops import Load
from kernbench.common.site import locate
from kernbench.components.memory import Memory
from kernbench.policy.addends import Addends
from kernbench.policy.address import AddressSpace


class Poison:
    """Looks at every load of a device when its bytes have arrived; memories note what is written from now on."""

    def __init__(self, memories: Sequence[Memory], space: AddressSpace) -> None:
        self._memories = memories
        self._space = space
        for memory in memories:
            memory.note_writes()

    def check(self, load: Load) -> None:
        """Raise KernelError if a byte that a load moved was never written."""
        if isinstance(self._space.find(*load.runs[0]).placement, Addends):
            return  # they begin as zeros
        missing = [
            position
            for part in self._space.translate(load.runs)
            if (position := self._memories[part.cube].unwritten(part.segments)) is not None
        ]
        if not missing:
            return
        left = min(missing)
        for address, size in load.runs:
            if left < size:
                tensor = self._space.find(address + left, 1)
                raise KernelError(
                    f"{load.site[0].co_name}: it loads byte {address + left - tensor.address} of {tensor.name} "
                    f"({tensor.size} bytes), which nobody has written; fill the tensor first, or mask the load",
                    where=locate(load.site),
                )
            left -= size
