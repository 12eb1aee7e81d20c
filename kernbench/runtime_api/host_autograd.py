"""`torch.autograd` where no torch is installed: one step back from a result to its arguments, and no graph."""

from collections.abc import Callable, Sequence
from typing import Any

from kernbench.runtime_api.tensor import Tensor


class Function:
    """`torch.autograd.Function`: `apply` runs `forward`; `backward` of what it gives fills `.grad` of its arguments.

    That is one step and no graph: what other functions did before or after is not gone back through.
    """

    class Context:
        """What `forward` keeps for `backward`."""

        saved_tensors: tuple[Any, ...] = ()
        needs_input_grad: tuple[bool, ...] = ()

        def save_for_backward(self, *tensors: Any) -> None:
            """Keep tensors."""
            self.saved_tensors = tensors

        def mark_non_differentiable(self, *_tensors: Any) -> None:
            """Nothing goes back through them here anyway."""

        def mark_dirty(self, *_tensors: Any) -> None:
            """There are no versions to keep apart."""

        def set_materialize_grads(self, _materialize: Any) -> None:
            """The gradient is always given."""

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` with a new context."""
        context = cls.Context()
        context.needs_input_grad = tuple(isinstance(each, Tensor) for each in args)
        ways: Any = cls  # `forward` and `backward` are the user's, and static
        out = ways.forward(context, *args)
        if isinstance(out, Tensor):
            steps_back(out, args, lambda gradient: ways.backward(context, gradient))
        return out


def steps_back(out: Tensor, arguments: Sequence[Any], backward: Callable[[Tensor], Any]) -> Tensor:
    """`out` itself, whose `.backward(gradient)` puts what `backward` gives into `.grad` of the arguments, in order."""

    def step(gradient: Any = None, **_options: Any) -> None:
        found = backward(gradient)
        for each, own in zip(arguments, found if isinstance(found, tuple) else (found,), strict=False):
            if own is not None:
                each.grad = own

    out.backward = step  # type: ignore[assignment,method-assign]
    return out
