"""What was computed from what, where a gradient is wanted: each function of such a tensor notes a step back.

Nothing is noted in a bench, inside `torch.no_grad`, or where no operand wants a gradient. A function whose derivative
is not in `host_gradients` notes that too, so that `backward` says so instead of being wrong.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

from kernbench.runtime_api.missing import Missing

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor

UNTRACKED = frozenset({
    # They are made of others that are tracked.
    "flatten", "ravel", "view_as", "reshape_as", "t", "transpose", "unsqueeze", "squeeze", "chunk", "split", "unbind",
    "select", "narrow", "swapaxes", "swapdims", "movedim", "moveaxis", "unflatten", "expand_as", "broadcast_to", "type_as",
    "float", "half", "bfloat16", "double", "mm", "tile",
    # They give no function of the elements, or one whose derivative is nothing.
    "detach", "seen", "as_pointer", "requires_grad_", "backward", "new_empty", "new_zeros", "new_ones", "new_full",
    "new_tensor", "cpu", "cuda", "numpy", "peek", "tolist", "item", "numel", "nelement", "size", "stride", "storage_offset",
    "is_contiguous", "element_size", "data_ptr", "is_floating_point", "get_device", "assign",
})  # fmt: skip
_OPERATORS = frozenset(
    f"__{name}__"
    for name in (
        "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "neg", "abs", "matmul", "pow", "rpow", "floordiv",
        "rfloordiv", "mod", "rmod", "getitem",
    )
)  # fmt: skip
_IN_PLACE = frozenset({"__iadd__", "__isub__", "__imul__", "__itruediv__", "__setitem__"})


class Tracked:
    """A tensor as its gradients see it."""

    grad: "Tensor | None" = None
    requires_grad = False
    is_leaf = True
    step: "Step | None" = None
    """What it came from; None of a tensor that was made, or read, or that wants no gradient."""
    place = 0
    """Which of the step's results it is."""


class Step:
    """One function: the tensors that it was computed from, by parameter, and what makes their gradients of its own."""

    def __init__(self, rank: Any, sources: Mapping[str, Any], back: Callable[[Any], Mapping[str, Any]]) -> None:
        rank.steps += 1
        self.number: int = rank.steps
        self.sources = {name: (each.step or each, each.place, tuple(each.shape)) for name, each in sources.items()}
        self.back = back


@contextmanager
def untraced(rank: Any) -> Iterator[None]:
    """Note no steps inside."""
    before, rank.tracing = rank.tracing, False
    try:
        yield
    finally:
        rank.tracing = before


def wanting(values: Any) -> Iterator[Any]:
    """The tensors among arguments whose gradient is wanted."""
    for each in values:
        if isinstance(each, Tracked):
            if each.requires_grad:
                yield each
        elif isinstance(each, list | tuple):
            yield from (part for part in each if isinstance(part, Tracked) and part.requires_grad)


def tracked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, noting a step where a gradient is wanted."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        first = next(wanting((*args, *options.values())), None)
        if first is None or not first._rank.tracing:  # noqa: SLF001  # a tensor's rank is nobody else's business
            return function(*args, **options)
        return _noted(name, function, first._rank, args, options)  # noqa: SLF001

    return call


def _noted(name: str, function: Callable[..., Any], rank: Any, args: Any, options: Any) -> Any:
    from kernbench.runtime_api.host_gradients import RULES  # noqa: PLC0415  # needed only by who wants gradients

    rule = RULES.get(name)
    given = signature(function).bind(*args, **options).arguments
    given = {**{key: value for key, value in given.items() if key != "options"}, **given.get("options", {})}
    sources = _named_sources(given)
    held = {key: _held(value) for key, value in given.items()} if rule else {}
    with untraced(rank):
        found = function(*args, **options)
    outs = [each for each in (found if isinstance(found, tuple) else (found,)) if _is_result(each, args)]
    if not outs:
        return found
    after = _held(outs[0]) if rule else None

    def back(gradients: Mapping[int, Any]) -> Mapping[str, Any]:
        if rule is None or len(outs) > 1:
            raise Missing(f"torch.{name.strip('_')}: its gradient")
        return _by_source(rule(gradients[0], after, **held))

    step = Step(rank, sources, back)
    for each in outs:
        each.requires_grad, each.step, each.is_leaf = True, step, False
    return found


def _is_result(each: Any, args: Any) -> bool:
    return isinstance(each, Tracked) and each.dtype.is_floating() and all(each is not arg for arg in args)  # type: ignore[attr-defined]


def _named_sources(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, Tracked) and value.requires_grad:
            found[key] = value
        elif isinstance(value, list | tuple):
            found |= {
                f"{key}.{number}": each
                for number, each in enumerate(value)
                if isinstance(each, Tracked) and each.requires_grad
            }
    return found


def _by_source(gradients: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in gradients.items():
        if isinstance(value, list):
            found |= {f"{key}.{number}": each for number, each in enumerate(value)}
        else:
            found[key] = value
    return found


def _held(value: Any) -> Any:
    """An argument as a rule wants it: a tensor's elements as they are now, looked at outside simulated time."""
    if isinstance(value, Tracked):
        array = value.peek()  # type: ignore[attr-defined]
        return array.astype("float64") if value.dtype.is_floating() else array.copy()  # type: ignore[attr-defined]
    if isinstance(value, list | tuple) and any(isinstance(each, Tracked) for each in value):
        return type(value)(_held(each) for each in value)
    return value


def refusing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that changes its tensor, refused where a gradient is wanted: the steps would tell of other elements."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        first = next(wanting((*args, *options.values())), None)
        if first is not None and first._rank.tracing:  # noqa: SLF001
            if first is args[0] and first.step is None:
                raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
            raise Missing(f"torch.Tensor.{name} where a gradient is wanted", "compute a new tensor, or install torch")
        return function(*args, **options)

    return call


def track(*classes: type) -> None:
    """Have the methods of these classes note their steps."""
    for each in classes:
        for name, function in list(vars(each).items()):
            if not callable(function) or isinstance(function, type | staticmethod | classmethod):
                continue
            if name in _IN_PLACE or (name.endswith("_") and not name.startswith("_") and name not in UNTRACKED):
                setattr(each, name, refusing(name, function))
            elif name in _OPERATORS or not (name.startswith("_") or name in UNTRACKED):
                setattr(each, name, tracked(name, function))
