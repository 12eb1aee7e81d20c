"""kernbench: a discrete-event simulator of a multi-device AI accelerator that computes values and time."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.simulation import Result as Result
    from actors.simulation import Simulation as Simulation

__version__ = "0.1.0"
__all__ = ["Result", "Simulation"]


def __getattr__(name: str) -> Any:
    """Import Simulation and Result when they are first asked for: the package itself costs nothing."""
    if name in __all__:
        return getattr(import_module("actors.simulation"), name)
    raise AttributeError(f"module 'kernbench' has no attribute {name!r}")
