"""Calls of `torch.distributed` with tensors of a torch that is installed: the rank's own tensors stand for them meanwhile."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.torch_mirror import TorchMirror
from kernbench.runtime_api.work import Work

P = ParamSpec("P")
R = TypeVar("R")


class _Caller(Protocol):
    mirror: TorchMirror


def takes_torch(call: Callable[P, R]) -> Callable[P, R]:
    """Let a method take torch's CPU tensors, single or in lists. What it changes is in them when its Work has been waited for."""
    name = call.__name__

    @wraps(call)
    def taking(*args: P.args, **options: P.kwargs) -> R:
        if not any(map(_is_torch, args)) and not any(map(_is_torch, options.values())):
            return call(*args, **options)
        caller: _Caller = args[0]  # type: ignore[assignment]  # the method's own object
        mirror = caller.mirror
        mine: Callable[..., R] = call
        given = [_standing(mirror, name, each) for each in args]
        named = {key: _standing(mirror, name, each) for key, each in options.items()}
        put = mirror.lent()
        result = mine(*given, **named)
        if isinstance(result, Work):
            result.then(put)
            if result.handle.done and not options.get("async_op"):
                result.wait()
        return result

    return taking


def _is_torch(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_torch, value))
    return hasattr(value, "untyped_storage") and not isinstance(value, Tensor)


def _standing(mirror: TorchMirror, name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_standing(mirror, name, each) for each in value] if _is_torch(value) else value
    return mirror.tensor(name, value) if _is_torch(value) else value
