"""One instance of a kernel's grid: runs the user's function and hands its operations to the PE in program order.

An operation is issued on entry to the next one, never on its own exit: by then the statement that made it has dropped
what it no longer needs, so that `acc = tl.dot(x, y, acc)` is seen to replace `acc`.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

import ml_dtypes
import numpy as np

from kernbench.common import ops
from kernbench.common.errors import KernelError
from kernbench.common.ops import Gemm, Issuer, Math, Operation, Runs, Value
from kernbench.common.site import Site
from kernbench.common.user_line import innermost
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.fusion import accumulates, fused, is_fusible
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.parameter import is_constexpr
from kernbench.triton_emu.scalar import argument

_HERE = str(Path(__file__).parent)
_OURS = frozenset(str(path) for path in Path(__file__).parent.glob("*.py"))
_INNER = (
    _HERE,
    str(Path(ops.__file__).parent),
    str(Path(ops.__file__).parents[1] / "components"),
    str(Path(np.__file__).parent),
    str(Path(ml_dtypes.__file__).parent),
)
_current: "KernelProgram | None" = None
_LASTING = frozenset(("store", "send", "recv"))
"""Kinds of operations that others see; an atomic one is a store."""
SPIN_LIMIT = 100_000
"""Accesses to the same bytes, with no other between, after which a program is taken to spin for ever."""


class KernelProgram:
    """The program `pid` of a launch: a `common.ops.Program`.

    `decide` answers what a block of many elements is, as one value, while a function of single elements runs over it.
    """

    __slots__ = (
        "_arguments",
        "_bind",
        "_function",
        "_pending",
        "_product",
        "_touched",
        "_touches",
        "decide",
        "grid",
        "issuer",
        "name",
        "pid",
        "queues",
        "tag",
    )

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        grid: tuple[int, int, int],
        pid: tuple[int, int, int],
        bind: Callable[[PointerArg], Any],
        queues: Mapping[str, str] | None = None,
        tag: str = "",
    ) -> None:
        self.queues = {} if queues is None else queues
        self.tag = tag
        self.name = name
        self.grid = grid
        self.pid = pid
        self.issuer: Issuer = _NOBODY
        self.decide: Callable[[Any, Any], Any] | None = None
        self._function = function
        self._arguments = arguments
        self._bind = bind
        self._pending: Operation | None = None
        self._product: Gemm | None = None
        self._touched: Runs = ()
        self._touches = 0

    def run(self, issuer: Issuer) -> None:
        """Run the kernel's function to its end; whatever it raises comes out as a KernelError with its line."""
        global _current
        self.issuer = issuer
        _current = self
        try:
            fixed = constexprs(self._function)
            arguments = {
                name: value if name in fixed else self._inside(value) for name, value in self._arguments.items()
            }
            self._function(**arguments)
            del arguments
            self.flush()
        except KernelError as error:
            raise self._named(error.message, error.where or _user_line(error.__traceback__), error) from error
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise self._named(text, _user_line(error.__traceback__), None) from error
        finally:
            self._pending = self._product = None
            _current = None

    def _inside(self, value: Any) -> Any:
        """What the kernel sees of an argument: pointers and 0-d scalars, in tuples too."""
        if isinstance(value, PointerArg):
            return self._bind(value)
        if isinstance(value, tuple):
            return alike(value, [self._inside(each) for each in value])
        return argument(value)

    def describe(self) -> str:
        """`program 3 of ring_kernel`."""
        last = max((axis for axis in range(3) if self.grid[axis] > 1), default=0)
        pid = self.pid[0] if last == 0 else self.pid[: last + 1]
        return f"program {pid} of {self.name}"

    def queue(self, direction: str) -> str:
        """The queue that the launch connected to a direction; a name that it did not connect is a queue's own."""
        return self.queues.get(direction, direction)

    def submit(self, operation: Operation) -> None:
        """The next operation: it is issued when the program comes back, the one before it now."""
        if self.decide is not None and operation.kind in _LASTING:
            self.act(operation.kind)
        if isinstance(operation, Math) and isinstance(self._pending, Gemm) and accumulates(self._pending, operation):
            self._product, self._pending = self._pending, operation
            return
        self.flush()
        self._pending = operation

    def act(self, what: str) -> None:
        """Refuse `what`, which lasts, in a function of single elements: that runs anew for each way through it."""
        if self.decide is not None:
            raise TypeError(
                f"a {what} is not done inside tl.map_elementwise, whose function computes and loads; do it with the outcome"
            )

    def flush(self) -> None:
        """Issue what is pending."""
        pending, self._pending = self._pending, None
        product, self._product = self._product, None
        if product is not None and pending is not None:
            # `acc += tl.dot(x, y)`: one product with an accumulator, unless the program kept the product too.
            if is_fusible(product):
                pending = fused(product, pending)
            else:
                self._issue(product)
        if pending is not None:
            self._issue(pending)

    def await_value(self, value: Value) -> None:
        """Go on when a value is computed."""
        global _current
        self.flush()
        self.issuer.wait(value, site())
        _current = self

    def leave(self) -> None:
        """Go on when what it stored and sent has left the PE."""
        global _current
        self.flush()
        self.issuer.leave(site())
        _current = self

    def read(self, value: Value) -> Array:
        """The array of a value, as soon as it is computed."""
        self.await_value(value)
        array: Array | None = value.array
        if array is None:
            raise KernelError(
                "the kernel needs this value to go on (a branch, a loaded pointer, a mask from data), and the run "
                "computes time only; run with --values on"
            )
        return array

    def touch(self, runs: Runs) -> None:
        """Note an access to memory; one that is made over and over with no other between waits for what never comes."""
        if runs != self._touched:
            self._touched = runs
            self._touches = 0
            return
        self._touches += 1
        if self._touches > SPIN_LIMIT:
            raise KernelError(
                f"the kernel accessed the {runs[0][1]} bytes at {runs[0][0]:#x} {SPIN_LIMIT} times on end and nothing "
                "else: a spin without end? Programs of one PE run one after another, so the one that would end it may "
                "not have begun; use no more programs than PEs"
            )

    def _issue(self, operation: Operation) -> None:
        global _current
        self.issuer.issue(operation)
        _current = self

    def _named(self, message: str, where: str, error: KernelError | None) -> KernelError:
        time = error.sim_time_fs if error is not None else None
        return KernelError(f"{self.describe()}: {message}", where=where, sim_time_fs=time)


class _Nobody:
    """The PE of a program that has not begun."""

    running = False

    def issue(self, operation: Operation) -> None:
        raise AssertionError(f"{operation} before the program runs")

    def wait(self, value: Value, at: Site) -> None:
        raise AssertionError(f"{value} awaited at {at} before the program runs")

    def leave(self, at: Site) -> None:
        raise AssertionError(f"flush at {at} before the program runs")


_NOBODY = _Nobody()


_constexprs: WeakKeyDictionary[Callable[..., Any], frozenset[str]] = WeakKeyDictionary()
"""Of each kernel that is alive: a kernel's file has its rank's device among its globals, which must not outlive a run."""


def constexprs(function: Callable[..., Any]) -> frozenset[str]:
    """The parameters whose values a kernel knows when it is compiled: Python's own, not scalars."""
    inner = function.args[0] if isinstance(function, partial) else function
    known = _constexprs.get(inner)
    if known is None:
        known = _constexprs[inner] = _marked(inner)
    return known


def _marked(inner: Callable[..., Any]) -> frozenset[str]:
    parameters = inspect.signature(inner).parameters
    return frozenset(name for name, parameter in parameters.items() if is_constexpr(parameter.annotation))


def alike(value: tuple[Any, ...], items: Sequence[Any]) -> Any:
    """A tuple of other items with the names that `value` has for its own."""
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def current() -> KernelProgram:
    """The program that runs now; the language means nothing outside one."""
    if _current is None:
        raise KernelError("the Triton language works inside a kernel only: launch it as kernel[grid](...)")
    return _current


def is_inside() -> bool:
    """Whether a program runs now."""
    return _current is not None


def site() -> Site:
    """Where in the user's code the language was called; frames are not kept, they would hold blocks."""
    frame = sys._getframe(1)  # noqa: SLF001  # the documented way to look at a caller
    while frame.f_code.co_filename in _OURS and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def _user_line(traceback: TracebackType | None) -> str:
    """The innermost line of an error that is the user's own; a kernel of kernbench's counts as one."""
    return innermost(traceback, lambda file: not file.startswith(_INNER))
