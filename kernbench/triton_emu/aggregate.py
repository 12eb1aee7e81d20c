"""Structs of a kernel: a class of named fields whose methods are kernels, made once and never changed."""

import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, dataclass_transform, get_type_hints

from kernbench.triton_emu.block import Block
from kernbench.triton_emu.block_pointer import BlockPointer
from kernbench.triton_emu.control import constexpr
from kernbench.triton_emu.pointer import Pointer
from kernbench.triton_emu.scalar import Scalar

__all__ = ["aggregate_replace"]

_COMPUTED = Block | Pointer | BlockPointer | Scalar
_FIELDS, _DEFAULTS = "__aggregate_fields__", "__aggregate_defaults__"
T = TypeVar("T")


@dataclass_transform(eq_default=False)
def aggregate(cls: type) -> type:
    """Decorator, `triton.aggregate`: annotations become fields, those with a value are optional, functions methods.

    An `__init__` of the class' own must set every field. Nothing can be set afterwards: see `aggregate_replace`.
    """
    for base in cls.__mro__[1:-1]:
        if not hasattr(base, _FIELDS):
            raise TypeError(
                f"{cls.__name__}: an aggregate can only inherit from aggregates, and {base.__name__} is none"
            )
    inherited = {name: kind for base in reversed(cls.__mro__[1:-1]) for name, kind in getattr(base, _FIELDS).items()}
    # A user's file is no module of the interpreter, which would be asked for what deferred annotations name.
    hints = get_type_hints(cls, sys._getframe(1).f_globals)  # noqa: SLF001  # the documented way to look at a caller
    own = {name: hints[name] for name in inspect.get_annotations(cls)}
    fields = inherited | own
    defaults = {name: value for base in reversed(cls.__mro__[1:-1]) for name, value in getattr(base, _DEFAULTS).items()}
    body = dict(cls.__dict__)
    defaults |= {name: body.pop(name) for name in own if name in body}
    for name in ("__dict__", "__weakref__"):
        body.pop(name, None)
    methods = {name: _Method(member) for name, member in body.items() if _is_kernel(member)}
    chosen = body.pop("__init__", None) or _given
    made = {
        "__init__": _initialiser(cls.__name__, chosen, fields),
        "__setattr__": _refuse,
        "__annotations__": own,
        _FIELDS: fields,
        _DEFAULTS: defaults,
    }
    return type(cls)(cls.__name__, cls.__bases__, {**body, **methods, **made})


def aggregate_replace(instance: T, **changes: Any) -> T:
    """Another aggregate of the same class, with some fields changed."""
    fields = getattr(instance, _FIELDS, None)
    if fields is None:
        raise TypeError(f"tl.aggregate_replace takes an aggregate, got {instance!r}")
    kept = {name: getattr(instance, name) for name in fields}
    for name in changes:
        _check_name(type(instance).__name__, fields, name)
    return type(instance)(**{**kept, **changes})


def _is_kernel(member: Any) -> bool:
    """Whether a class' member is called but would not become a method by itself."""
    return callable(member) and not hasattr(member, "__get__") and not isinstance(member, type)


class _Method:
    """A kernel as a method: inside a kernel its first argument is the aggregate."""

    def __init__(self, kernel: Callable[..., Any]) -> None:
        self._kernel = kernel

    def __get__(self, instance: Any, owner: type) -> Callable[..., Any]:
        return self._kernel if instance is None else partial(self._kernel, instance)


def _initialiser(name: str, chosen: Callable[..., None], fields: dict[str, Any]) -> Callable[..., None]:
    """An `__init__` that makes the object with `chosen`, then sees whether it is whole and closes it."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        opened = _Open(self, name, fields)
        chosen(opened, *args, **kwargs)
        missing = [field for field in fields if field not in self.__dict__]
        if missing:
            raise TypeError(f"{name}(...) did not set {', '.join(missing)}")

    return __init__


class _Open:
    """An aggregate while it is made: what is set here is set there."""

    def __init__(self, whole: Any, name: str, fields: dict[str, Any]) -> None:
        self.__dict__.update(_whole=whole, _name=name, _fields=fields)

    def __setattr__(self, name: str, value: Any) -> None:
        _check_name(self._name, self._fields, name)
        kind = self._fields[name]
        if kind is constexpr:
            value = constexpr(value)
            fits = not isinstance(value, _COMPUTED)
        else:
            fits = not isinstance(kind, type) or isinstance(value, kind)
        if not fits:
            raise TypeError(f"{self._name}.{name} is a {kind.__name__}, got {value!r}")
        self._whole.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_whole"], name)


def _given(opened: Any, *args: Any, **kwargs: Any) -> None:
    """The `__init__` of an aggregate that has none: its fields in order, or by name."""
    whole, fields = opened._whole, opened._fields  # noqa: SLF001
    if len(args) > len(fields):
        raise TypeError(f"{opened._name}(...) takes {len(fields)} values, got {len(args)}")  # noqa: SLF001
    named = dict(zip(fields, args, strict=False))
    for name in kwargs:
        _check_name(opened._name, fields, name)  # noqa: SLF001
        if name in named:
            raise TypeError(f"{opened._name}(...) got {name} twice")  # noqa: SLF001
    for name, value in {**getattr(whole, _DEFAULTS), **named, **kwargs}.items():
        setattr(opened, name, value)


def _check_name(owner: str, fields: dict[str, Any], name: str) -> None:
    if name not in fields:
        raise AttributeError(f"{owner} has no field {name!r}; it has {', '.join(fields) or 'none'}")


def _refuse(self: Any, name: str, _value: Any) -> None:
    raise AttributeError(
        f"{type(self).__name__}.{name} is not set again: an aggregate stays as it was made; use tl.aggregate_replace(...)"
    )
