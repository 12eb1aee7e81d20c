"""`torch.autocast` for "cuda" where torch is installed: the CPU's, which computes in its place, with a GPU's default."""

from collections.abc import Callable
from functools import cache, partial, wraps
from typing import Any

from kernbench.runtime_api.device_mode import DEVICE


def autocast_names(torch: Any) -> dict[str, Any]:
    """The names of `torch` and `torch.amp`."""
    autocast = _autocast(torch)

    def is_enabled(device_type: str = DEVICE) -> bool:
        found: bool = torch.is_autocast_enabled(_place(device_type))
        return found

    return {
        "autocast": autocast,
        "is_autocast_enabled": is_enabled,
        "custom_fwd": partial(_forward, torch, autocast),
        "custom_bwd": partial(_backward, torch, autocast),
    }


def cuda_autocast_names(torch: Any) -> dict[str, Any]:
    """The names of `torch.cuda.amp`."""
    names, autocast = autocast_names(torch), _autocast(torch)

    class CudaAutocast(autocast):  # type: ignore[misc, valid-type]  # torch is not there to be checked
        """The one of "cuda"."""

        def __init__(self, enabled: Any = True, dtype: Any = torch.float16, cache_enabled: Any = True) -> None:
            super().__init__(DEVICE, dtype, enabled, cache_enabled)

    return {
        "autocast": CudaAutocast,
        **{name: partial(names[name], device_type=DEVICE) for name in ("custom_fwd", "custom_bwd")},
    }


def _place(device_type: str) -> str:
    return "cpu" if device_type == DEVICE else device_type


@cache
def _autocast(torch: Any) -> Any:
    """The class, once: the same under each of its names."""

    class Autocast(torch.amp.autocast):  # type: ignore[misc]  # torch is not there to be checked
        """torch's own, of the CPU where "cuda" is asked for; torch itself keeps what its element type there is."""

        def __init__(self, device_type: str, dtype: Any = None, enabled: Any = True, cache_enabled: Any = None) -> None:
            self._is_ours = device_type == DEVICE
            kind = torch.get_autocast_dtype(DEVICE) if self._is_ours and dtype is None else dtype
            super().__init__(_place(device_type), kind, enabled, cache_enabled)

        def __enter__(self) -> Any:
            if self._is_ours:
                self._kind_before = torch.get_autocast_dtype(DEVICE)
                torch.set_autocast_dtype(DEVICE, self.fast_dtype)
            return super().__enter__()

        def __exit__(self, *error: object) -> Any:
            if self._is_ours:
                torch.set_autocast_dtype(DEVICE, self._kind_before)
            return super().__exit__(*error)

    return Autocast


def _forward(torch: Any, autocast: Any, fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """`custom_fwd`: torch's own would take "cuda" for a device that is not there."""
    if device_type != DEVICE:
        return torch.amp.custom_fwd(fwd, device_type=device_type, cast_inputs=cast_inputs)
    if fwd is None:
        return partial(_forward, torch, autocast, device_type=device_type, cast_inputs=cast_inputs)

    def cast(value: Any) -> Any:
        is_cast = isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != torch.float64
        return value.to(cast_inputs) if is_cast else value

    @wraps(fwd)
    def call(ctx: Any, *args: Any, **options: Any) -> Any:
        is_enabled = torch.is_autocast_enabled("cpu")
        ctx.autocast_of_forward = {
            "enabled": is_enabled and cast_inputs is None,
            "dtype": torch.get_autocast_dtype(DEVICE),
        }
        if cast_inputs is None or not is_enabled:
            return fwd(ctx, *args, **options)
        with autocast(DEVICE, enabled=False):
            return fwd(ctx, *torch.utils._pytree.tree_map(cast, args), **torch.utils._pytree.tree_map(cast, options))  # noqa: SLF001  # its only name

    return call


def _backward(torch: Any, autocast: Any, bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """`custom_bwd`: with the autocast that its forward had."""
    if device_type != DEVICE:
        return torch.amp.custom_bwd(bwd, device_type=device_type)
    if bwd is None:
        return partial(_backward, torch, autocast, device_type=device_type)

    @wraps(bwd)
    def call(ctx: Any, *gradients: Any) -> Any:
        with autocast(DEVICE, **ctx.autocast_of_forward):
            return bwd(ctx, *gradients)

    return call
