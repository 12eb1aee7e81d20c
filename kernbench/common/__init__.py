"""What every layer may use: units, names, errors, messages and the operations of a kernel."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernbench.common.completion import Completion, RequestHandle, Trace

__all__ = ["Completion", "RequestHandle", "Trace"]


def __getattr__(name: str) -> Any:
    """Import what requests give back when it is first asked for: start-up stays quick."""
    if name not in __all__:
        raise AttributeError(f"kernbench.common has no {name}")
    from kernbench.common import completion  # noqa: PLC0415  # lazily, see above

    return getattr(completion, name)
