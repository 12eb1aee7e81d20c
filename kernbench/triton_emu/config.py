"""`triton.Config`: one choice of meta-parameters and compiler hints that autotuning tries."""

from collections.abc import Callable, Mapping
from typing import Any


class Config:
    """Meta-parameters `kwargs` of a kernel; hints for Triton's compiler are kept and reach a kernel that names them.

    `pre_hook` is called with all arguments by name before the kernel runs with this choice.
    """

    def __init__(
        self,
        kwargs: Mapping[str, Any],
        num_warps: int = 4,
        num_stages: int = 3,
        num_ctas: int = 1,
        maxnreg: int | None = None,
        pre_hook: Callable[[dict[str, Any]], Any] | None = None,
        ir_override: str | None = None,
        **_hints: Any,  # of experimental compilers: num_consumer_groups, ...
    ) -> None:
        self.kwargs = dict(kwargs)
        self.num_warps = num_warps
        self.num_stages = num_stages
        self.num_ctas = num_ctas
        self.maxnreg = maxnreg
        self.pre_hook = pre_hook
        self.ir_override = ir_override

    def all_kwargs(self) -> dict[str, Any]:
        """The meta-parameters and the hints that are set, as a launch takes them."""
        hints = {
            "num_warps": self.num_warps,
            "num_ctas": self.num_ctas,
            "num_stages": self.num_stages,
            "maxnreg": self.maxnreg,
        }
        return {**self.kwargs, **{name: value for name, value in hints.items() if value is not None}}

    def __str__(self) -> str:
        return ", ".join(f"{name}: {value}" for name, value in self.all_kwargs().items())

    def __repr__(self) -> str:
        return f"Config({self})"
