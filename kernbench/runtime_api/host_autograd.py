"""`torch.autograd` where no torch is installed: steps that `tracking` noted are gone back, the latest first."""

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any

import numpy as np

from kernbench.runtime_api.host_array import back, values
from kernbench.runtime_api.missing import Missing
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.tracking import Step, untraced


class Function:
    """`torch.autograd.Function`: `apply` runs `forward` and notes that `backward` makes its gradients."""

    class Context:
        """What `forward` keeps for `backward`."""

        saved_tensors: tuple[Any, ...] = ()
        needs_input_grad: tuple[bool, ...] = ()

        def __init__(self) -> None:
            self.constant: tuple[Any, ...] = ()

        def save_for_backward(self, *tensors: Any) -> None:
            """Keep tensors."""
            self.saved_tensors = tensors

        def mark_non_differentiable(self, *tensors: Any) -> None:
            """Nothing goes back through them."""
            self.constant = tensors

        def mark_dirty(self, *_tensors: Any) -> None:
            """There are no versions to keep apart."""

        def set_materialize_grads(self, _materialize: Any) -> None:
            """The gradient is always given."""

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` with a new context."""
        context = cls.Context()
        context.needs_input_grad = tuple(isinstance(each, Tensor) and each.requires_grad for each in args)
        ways: Any = cls  # `forward` and `backward` are the user's, and static
        wanting = {str(number): args[number] for number, needs in enumerate(context.needs_input_grad) if needs}
        first = next((each for each in args if isinstance(each, Tensor)), None)
        if first is None:
            return _run(ways, context, args)
        rank = first._rank  # noqa: SLF001  # a tensor's rank is nobody else's business
        tracing = rank.tracing
        with untraced(rank):
            found = _run(ways, context, args)
        if not tracing or not wanting:
            return found
        whole = isinstance(found, tuple)
        outs = [each.detach() if any(each is arg for arg in args) else each for each in (found if whole else (found,))]
        like = [each if isinstance(each, Tensor) else None for each in outs]

        def step_back(gradients: Mapping[int, Any]) -> dict[str, Any]:
            given = [
                None if each is None else back(each, gradients.get(number, np.zeros(each.shape)))
                for number, each in enumerate(like)
            ]
            made = ways.backward(context, *given)
            parts = made if isinstance(made, tuple) else (made,)
            return {str(number): values(each) for number, each in enumerate(parts) if each is not None}

        step = Step(rank, wanting, step_back)
        for number, each in enumerate(outs):
            real = isinstance(each, Tensor) and each.dtype.is_floating()
            if real and all(each is not constant for constant in context.constant):
                each.requires_grad, each.step, each.is_leaf, each.place = True, step, False, number
        return tuple(outs) if whole else outs[0]


def _run(ways: Any, context: Any, args: Any) -> Any:
    if hasattr(ways, "setup_context"):
        found = ways.forward(*args)
        ways.setup_context(context, args, found)
        return found
    return ways.forward(context, *args)


def go_back(roots: Any, gradients: Any = None, **_torch: Any) -> None:
    """Add to `grad` of every tensor that the roots came from and that wants one what a change of it changes in them.

    Roots and their gradients are tensors or sequences of them; a root of one element may do without.
    """
    for leaf, gradient in _found(roots, gradients):
        with untraced(leaf._rank):  # noqa: SLF001  # a tensor's rank is nobody else's business
            own = back(leaf, gradient)
            leaf.grad = own if leaf.grad is None else leaf.grad + own


def gradients_of(outputs: Any, inputs: Any, grad_outputs: Any = None, **_torch: Any) -> tuple[Any, ...]:
    """`torch.autograd.grad`: the gradients of some tensors that were computed from nothing, without touching `grad`."""
    wanted = _listed(inputs)
    found = {id(leaf): gradient for leaf, gradient in _found(outputs, grad_outputs)}
    for each in wanted:
        if each.step is not None:
            raise Missing("torch.autograd.grad of a tensor that was computed")
        if id(each) not in found:
            raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph.")
    return tuple(back(each, found[id(each)]) for each in wanted)


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _found(roots: Any, gradients: Any) -> list[tuple[Any, Any]]:
    """Each tensor that wants a gradient and that the roots came from, with its gradient."""
    wanted = _listed(roots)
    given = [None] * len(wanted) if gradients is None else _listed(gradients)
    starts = []
    for root, gradient in zip(wanted, given, strict=True):
        if not root.requires_grad:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        if gradient is None and root.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        starts.append(np.ones(tuple(root.shape)) if gradient is None else np.asarray(values(gradient)))
    with untraced(wanted[0]._rank):  # noqa: SLF001
        return _walk(wanted, starts)


def _walk(roots: Any, starts: Any) -> list[tuple[Any, Any]]:
    waiting: list[int] = []
    steps: dict[int, Step] = {}
    sums: dict[int, dict[int, Any]] = {}
    leaves: dict[int, tuple[Any, Any]] = {}

    def arrive(source: Any, place: int, gradient: Any) -> None:
        if isinstance(source, Step):
            if source.number not in steps:
                steps[source.number] = source
                sums[source.number] = {}
                heappush(waiting, -source.number)
            have = sums[source.number]
            have[place] = have[place] + gradient if place in have else gradient
        else:
            before = leaves.get(id(source))
            leaves[id(source)] = source, gradient if before is None else before[1] + gradient

    for root, start in zip(roots, starts, strict=True):
        arrive(root.step or root, root.place, start)
    while waiting:
        step = steps.pop(-heappop(waiting))
        found = step.back(sums.pop(step.number))
        for name, (source, place, shape) in step.sources.items():
            if found.get(name) is not None:
                arrive(source, place, _within(np.asarray(found[name], np.float64), shape))
    return list(leaves.values())


def _within(gradient: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the axes that a tensor of `shape` was broadcast along."""
    gradient = gradient.sum(tuple(range(gradient.ndim - len(shape)))) if gradient.ndim > len(shape) else gradient
    along = tuple(axis for axis, extent in enumerate(shape) if extent == 1 and gradient.shape[axis] != 1)
    return gradient.sum(along, keepdims=True) if along else gradient.reshape(shape)
