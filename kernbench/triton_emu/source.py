"""A kernel's source as Triton's compiler reads it, where that differs from Python.

- A number that a statement gives a name, or that a function returns, becomes a 0-d tensor: after `x = 0.5`, `x.to(...)`
  works and `half * x` is float32; `half * 0.5` stays float16.
- `and`, `or` and `not` work element by element. What is known when a kernel is compiled decides before that, as in Python.
- A parameter that is a constant has its `value`, though it is Python's own number here.
- A list that is compared with a shape, or joined to one, is a tuple.
- `assert` about a block is `tl.device_assert` under TRITON_DEBUG=1 and nothing otherwise; `print` is `tl.device_print`.
- `range` counts in numbers of a kernel, `min` and `max` take the place of `tl.minimum` and `tl.maximum`.

Lines stay where they are. A function without a source that fits it (it was made by `exec`) is taken as Python has it.
"""

import __future__

import ast
import builtins
import dis
import inspect
import os
import re
from collections.abc import Callable
from functools import reduce
from textwrap import dedent
from types import CodeType, FunctionType
from typing import Any

from kernbench.triton_emu.control import device_assert, device_print, is_constant
from kernbench.triton_emu.control import range as kernel_range
from kernbench.triton_emu.dtype import DType, of_scalar
from kernbench.triton_emu.elementwise import logical_and, logical_not, logical_or, maximum, minimum
from kernbench.triton_emu.scalar import Scalar, scalar

# No identifiers of Python's, so that no kernel can have one of its own by these names.
_NAMED, _SETTLED, _JOINED, _NEGATED = "number named", "operand settled", "operands joined", "operand negated"
_VALUE, _ASSERTED, _SEQUENCE, _EXTENDED = "constant's value", "assertion", "sequence", "sequence extended"
_FUTURE = reduce(int.__or__, [getattr(__future__, each).compiler_flag for each in __future__.all_feature_names])
_BARE = frozenset({bool, int, float})
_CONSTANTS = (int, float, str, tuple, type(None), DType)


def as_kernel(function: Callable[..., Any], text: str | None = None) -> Callable[..., Any]:
    """The function as a kernel; `text` is a `def` that takes the place of its own.

    A function looks its builtins up where its globals had them when it was made, so that is where they are for a moment.
    """
    if not isinstance(function, FunctionType):
        return function
    code = _rewritten(function, text) or function.__code__
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    names = function.__globals__
    before = names.get("__builtins__", builtins)
    names["__builtins__"] = {**(before if isinstance(before, dict) else vars(before)), **_BUILTINS}
    try:
        made = FunctionType(code, names, function.__name__, function.__defaults__, closure)
    finally:
        names["__builtins__"] = before
    made.__kwdefaults__ = function.__kwdefaults__
    made.__annotations__ = function.__annotations__
    made.__qualname__, made.__module__, made.__doc__ = function.__qualname__, function.__module__, function.__doc__
    made.__dict__.update(function.__dict__)
    return made


def source(function: Callable[..., Any]) -> str:
    """The text of a kernel from its `def` on, as Triton's `kernel.src` has it."""
    text = dedent(inspect.getsource(function))
    begin = re.search(r"^def\s", text, re.MULTILINE)
    return text[begin.start() :] if begin else text


def _rewritten(function: FunctionType, text: str | None) -> CodeType | None:
    """The code of the function as a kernel; None where its source is not to be had, or is another one by now."""
    if text is None:
        try:
            lines, first = inspect.getsourcelines(function)
            tree = ast.parse(dedent("".join(lines)))
        except (OSError, SyntaxError, TypeError):
            return None
    else:
        tree, first = ast.parse(text), function.__code__.co_firstlineno
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        if text is not None:
            raise ValueError(f"{function.__qualname__}: its new source is no function; give the text from `def` on")
        return None
    ast.increment_lineno(tree, max(first, 1) - 1)
    plain = _compiled(definition, function)
    if plain is None or (text is None and _said(plain) != _said(function.__code__)):
        return None
    definition.body = [_Kernel().visit(statement) for statement in definition.body]
    return _compiled(ast.fix_missing_locations(definition), function)


def _compiled(definition: ast.FunctionDef, function: FunctionType) -> CodeType | None:
    """The code of a definition that sees what the function sees around it; nothing else of it is used."""
    code = function.__code__
    free = ast.arguments([], [ast.arg(name) for name in code.co_freevars], None, [], [], None, [])
    bare = ast.FunctionDef(definition.name, definition.args, definition.body, definition.decorator_list, None, None)
    around = ast.FunctionDef("around", free, [ast.copy_location(bare, definition)], [], None, None)
    tree = ast.fix_missing_locations(ast.Module([ast.copy_location(around, definition)], []))
    outer = compile(tree, code.co_filename, "exec", flags=code.co_flags & _FUTURE, dont_inherit=True)
    for holder in (each for each in outer.co_consts if isinstance(each, CodeType)):
        for found in holder.co_consts:
            if isinstance(found, CodeType) and found.co_name == code.co_name:
                return found.replace(co_qualname=code.co_qualname)
    return None


def _said(code: CodeType) -> list[Any]:
    """Names, numbers and operators in order; how they are looked up depends on what else the module has."""
    distances = {*dis.hasjrel, *dis.hasjabs, dis.EXTENDED_ARG}
    return [
        each.argval
        for each in dis.get_instructions(code)
        if each.opcode not in distances and not isinstance(each.argval, CodeType)
    ]


class _Kernel(ast.NodeTransformer):
    """Rewrites the statements of a kernel; functions inside it are left alone."""

    def __init__(self) -> None:
        self._operands = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # ast's name
        """Not a kernel's own statements."""
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """Not a kernel's own statements."""
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        """What is listed is known when a kernel is compiled."""
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        """As in a list."""
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """`x = 0.5` and `x, y = 0.5, 1`."""
        self.generic_visit(node)
        node.value = _each_named(node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """`x: tl.constexpr = 4` stays a number."""
        self.generic_visit(node)
        if node.value is not None and not ast.unparse(node.annotation).strip("'\"").endswith("constexpr"):
            node.value = _each_named(node.value)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        """`return 0.5`."""
        self.generic_visit(node)
        if node.value is not None:
            node.value = _each_named(node.value)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """`a and b`: `a` if that decides, else both, joined; the variable that holds `a` meanwhile is given up again."""
        self.generic_visit(node)
        joins = ast.Constant(isinstance(node.op, ast.And))
        result = node.values[0]
        for value in node.values[1:]:
            self._operands += 1
            name = f"operand {self._operands}"
            held = ast.NamedExpr(ast.Name(name, ast.Store()), result)
            freed = ast.NamedExpr(ast.Name(name, ast.Store()), ast.Constant(None))
            both = _call(_JOINED, joins, ast.Name(name, ast.Load()), value, freed)
            result = ast.IfExp(_call(_SETTLED, joins, held), ast.Name(name, ast.Load()), both)
        return ast.copy_location(result, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`BLOCK.value`."""
        self.generic_visit(node)
        if node.attr != "value" or not isinstance(node.ctx, ast.Load):
            return node
        return ast.copy_location(_call(_VALUE, node.value), node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """`assert x > 0, "text"`."""
        self.generic_visit(node)
        asked = _call(_ASSERTED, node.test, node.msg or ast.Constant(""))
        return ast.copy_location(ast.Expr(asked), node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """`x.shape == [M, N]`."""
        self.generic_visit(node)
        if isinstance(node.ops[0], ast.Eq | ast.NotEq):
            node.left, *node.comparators = _alike(node.left, *node.comparators)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """`x.shape[:-1] + [2]`."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Add):
            sides = node.left, node.right
            if any(isinstance(side, ast.List) for side in sides):
                return ast.copy_location(_call(_EXTENDED, *sides), node)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """`not a`."""
        self.generic_visit(node)
        return ast.copy_location(_call(_NEGATED, node.operand), node) if isinstance(node.op, ast.Not) else node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _alike(*sides: ast.expr) -> list[ast.expr]:
    """Operands of which one is written as a list: that one as a tuple, the others as tuples where they are lists."""
    if not any(isinstance(side, ast.List) for side in sides):
        return [*sides]
    return [
        ast.copy_location(
            ast.Tuple(side.elts, ast.Load()) if isinstance(side, ast.List) else _call(_SEQUENCE, side), side
        )
        for side in sides
    ]


def _each_named(value: ast.expr) -> ast.expr:
    if isinstance(value, ast.Tuple):
        value.elts = [each if isinstance(each, ast.Starred) else _each_named(each) for each in value.elts]
        return value
    return ast.copy_location(_call(_NAMED, value), value)


def _named(value: Any) -> Any:
    """A number as a 0-d tensor, anything else as it is."""
    if type(value) in _BARE or (is_constant(value) and isinstance(value, int | float)):
        return scalar(value, of_scalar(value))
    return value


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Scalar) or hasattr(value, "program")


def _settled(joins: bool, value: Any) -> bool:
    """Whether `and` (or `or`) has its outcome in what is known when a kernel is compiled."""
    return not _is_tensor(value) and bool(value) is not joins


def _joined(joins: bool, left: Any, right: Any, _freed: None) -> Any:
    if not _is_tensor(left):
        return right
    if not _is_tensor(right):
        return left if bool(right) is joins else right
    return (logical_and if joins else logical_or)(left, right)


def _negated(value: Any) -> Any:
    return logical_not(value) if _is_tensor(value) else not value


def _value(constant: Any) -> Any:
    return constant if isinstance(constant, _CONSTANTS) and not _is_tensor(constant) else constant.value


def _sequence(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _extended(left: Any, right: Any) -> Any:
    if isinstance(left, tuple) is isinstance(right, tuple):
        return left + right
    return (*left, *right)


def _asserted(held: Any, message: Any) -> None:
    if _is_tensor(held):
        if os.environ.get("TRITON_DEBUG") == "1":  # as Triton, whose kernels go on otherwise
            device_assert(held, message)
    elif not held:
        raise AssertionError(message)


def _printed(*values: Any, sep: str = " ", end: str = "\n", **options: Any) -> None:
    del sep, end  # a line each
    prefix = str(values[0]) if values and isinstance(values[0], str) else ""
    device_print(prefix, *values[1 if prefix else 0 :], **options)


def _least(*values: Any, **options: Any) -> Any:
    return reduce(minimum, values) if len(values) > 1 and any(map(_is_tensor, values)) else min(*values, **options)


def _greatest(*values: Any, **options: Any) -> Any:
    return reduce(maximum, values) if len(values) > 1 and any(map(_is_tensor, values)) else max(*values, **options)


_BUILTINS = {
    "range": kernel_range,
    "min": _least,
    "max": _greatest,
    "print": _printed,
    _NAMED: _named,
    _SETTLED: _settled,
    _JOINED: _joined,
    _NEGATED: _negated,
    _VALUE: _value,
    _ASSERTED: _asserted,
    _SEQUENCE: _sequence,
    _EXTENDED: _extended,
}
