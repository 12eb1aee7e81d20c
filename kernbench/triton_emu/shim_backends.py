"""`triton.backends.backends`: the one that programs find is the device of the rank."""

from typing import Any

import msgspec

from kernbench.triton_emu.driver import BACKEND, ActiveDriver

_VENDOR = "nvidia"
"""By which Triton has the backend of our kind of target."""


class Compiler:
    """`triton.backends.nvidia`'s compiler, as far as programs ask it: nothing is compiled."""

    @staticmethod
    def supports_target(target: Any) -> bool:
        """Whether it would compile for this target."""
        return bool(target.backend == BACKEND)


class Backend(msgspec.Struct, frozen=True):
    """A vendor's compiler and driver."""

    compiler: type[Compiler]
    driver: type[ActiveDriver]


def found() -> dict[str, Backend]:
    """`triton.backends.backends`, of one rank's own."""
    return {_VENDOR: Backend(Compiler, ActiveDriver)}
