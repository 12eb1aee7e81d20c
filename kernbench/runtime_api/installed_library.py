"""`torch.library` where torch is installed: an operator's part for "cuda" is the one that runs, on the CPU that plays it.

torch calls an operator from its dispatcher, where what the caller saw of devices is gone; it sees them again inside.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from warnings import catch_warnings, simplefilter

from kernbench.runtime_api.device_mode import DEVICE, inside

_KEYS = {"CUDA": "CPU", "AutogradCUDA": "AutogradCPU", "AutocastCUDA": "AutocastCPU"}
"""Dispatch keys of the device, and those that its tensors have here."""

_DEFINING = ("custom_op", "triton_op")
"""What makes an operator of a function; not each torch has both."""

Kinds: TypeAlias = str | Sequence[str] | None


def library_names(torch: Any, mode: Any) -> dict[str, Any]:
    """The names of `torch.library` that register an operator or a part of one; `mode` is how the program sees devices."""
    library = torch.library
    own = _library(torch, mode)

    def a_library(qualname: str) -> Any:
        kept.append(own(qualname.partition("::")[0], "FRAGMENT"))
        return kept[-1]

    kept: list[Any] = []

    def impl(first: Any, *args: Any, lib: Any = None, **options: Any) -> Any:
        if isinstance(first, library.Library):
            return library.impl(first, *args, **options)
        return library.impl(first, *args, lib=lib or a_library(first), **options)

    def register_kernel(op: Any, device_types: Any, func: Any = None, /, *, lib: Any = None) -> Any:
        name = op if isinstance(op, str) else getattr(op, "_name", "")
        return library.register_kernel(op, device_types, func, lib=lib or (a_library(name) if name else None))

    def register_autograd(op: Any, backward: Any, /, *, setup_context: Any = None, lib: Any = None) -> None:
        library.register_autograd(op, inside(mode, backward), setup_context=_inside_if(mode, setup_context), lib=lib)

    return {
        "Library": own,
        "impl": impl,
        "register_kernel": register_kernel,
        "register_autograd": register_autograd,
        **{name: _defining(getattr(library, name), mode) for name in _DEFINING if hasattr(library, name)},
        "wrap_triton": lambda kernel: kernel,
    }


def _library(torch: Any, mode: Any) -> Any:
    """`Library`; of two parts, for the CPU and for the device, the device's is the one that runs."""
    of_cpu: set[tuple[str, str, str]] = set()
    of_device: set[tuple[str, str, str]] = set()
    as_they_are = (torch.library.fallthrough_kernel,)

    class Library(torch.library.Library):  # type: ignore[misc]  # torch is not there to be checked
        """torch's own, which registers for the CPU what is for "cuda"."""

        def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
            self._key = dispatch_key
            super().__init__(ns, kind, _KEYS.get(dispatch_key, dispatch_key))

        def impl(self, op_name: Any, fn: Any, dispatch_key: str = "", **options: Any) -> None:
            """Register a part."""
            key = dispatch_key or self._key
            here = _KEYS.get(key, key)
            name = op_name if isinstance(op_name, str) else op_name.name()
            part = self.ns, name.rpartition("::")[2], here
            is_plain = fn in as_they_are or isinstance(fn, torch._ops.OpOverload)  # noqa: SLF001  # its only name
            function = fn if is_plain else inside(mode, fn)
            if here == key:
                if part not in of_device:
                    of_cpu.add(part)
                    super().impl(op_name, function, here, **options)
                return
            of_device.add(part)
            if part in of_cpu:
                of_cpu.remove(part)
                options["allow_override"] = True
            with catch_warnings():  # torch warns of the CPU's part that this one takes the place of
                simplefilter("ignore")
                super().impl(op_name, function, here, **options)

    return Library


def _defining(define: Callable[..., Any], mode: Any) -> Callable[..., Any]:
    """`custom_op` or `triton_op`."""

    def defined(name: str, fn: Any = None, /, *, device_types: Kinds = None, **options: Any) -> Any:
        if fn is None:
            return lambda function: defined(name, function, device_types=device_types, **options)
        kinds = _here(device_types)
        operator = define(name, fn, **({"device_types": kinds} if kinds else {}), **options)
        _Parts(operator, mode).register_kernel(device_types, fn)
        return operator

    return defined


class _Parts:
    """The parts of one operator, which registers them through this from now on."""

    def __init__(self, operator: Any, mode: Any) -> None:
        self._register_kernel = operator.register_kernel
        self._register_autograd = operator.register_autograd
        self._mode = mode
        self._is_own = False
        operator.register_kernel = self.register_kernel
        operator.register_autograd = self.register_autograd

    def register_kernel(self, device_types: Kinds, fn: Any = None, /) -> Any:
        """What runs on a device; the device's own before the CPU's, whichever comes first."""
        if fn is None:
            return lambda function: self.register_kernel(device_types, function)
        is_own = DEVICE in _listed(device_types)
        kinds = [each for each in _here(device_types) if is_own or not self._is_own or each != "cpu"]
        self._is_own = self._is_own or is_own
        if kinds or device_types is None:
            self._register_kernel(kinds or None, inside(self._mode, fn))
        return fn

    def register_autograd(self, backward: Any, /, *, setup_context: Any = None) -> None:
        """Its gradient."""
        self._register_autograd(inside(self._mode, backward), setup_context=_inside_if(self._mode, setup_context))


def _listed(kinds: Kinds) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds or ())


def _here(kinds: Kinds) -> list[str]:
    """The devices that stand for these here."""
    return list(dict.fromkeys("cpu" if each == DEVICE else each for each in _listed(kinds)))


def _inside_if(mode: Any, function: Any) -> Any:
    return None if function is None else inside(mode, function)
