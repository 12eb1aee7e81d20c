"""Bench files: finding one by name or path, reading its parameters, loading it afresh for a rank."""

import ast
import inspect
import itertools
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.units import format_size, parse_size
from kernbench.runtime_api.argument import READERS
from kernbench.runtime_api.workload.content import content_of
from kernbench.triton_emu.shim import Shim, is_installed

_loads = itertools.count()
_loading: ContextVar[bool] = ContextVar("loading", default=False)


class LoadEnds(BaseException):
    """Raised where a file that is being loaded for a rank would start a run of its own: what follows is not for ranks."""


Bytes: TypeAlias = int | str
"""A parameter in bytes: its option takes sizes with units, the bench gets the number."""


MOST_BYTES = 1 << 24
"""A bench's file is a few KiB of Python."""

MOST_FACTOR = 2**30
"""Of a sweep: sizes are at most 2^60, so a larger one says no more than this."""


class Sweep(msgspec.Struct, frozen=True):
    """Sizes from `begin` to `end` bytes, each `factor` times the one before; nccl-tests' -b, -e, -f."""

    begin: int
    end: int
    factor: int = 2

    @classmethod
    def of(cls, begin: str | int, end: str | int, factor: int = 2) -> "Sweep":
        """Make a sweep from sizes with units."""
        sweep = cls(parse_size(begin), parse_size(end), factor)
        if sweep.begin < 1 or sweep.end < sweep.begin or not 2 <= factor <= MOST_FACTOR:
            raise UsageError(
                f"sizes from {format_size(sweep.begin)} to {format_size(sweep.end)} by factor {factor}: "
                f"the first (-b) is >= 1B, the last (-e) not smaller, the factor (-f) 2 to {MOST_FACTOR}"
            )
        return sweep

    @classmethod
    def at(cls, value: "Sweep | str | int") -> "Sweep":
        """A sweep as it is; one of a single size."""
        return value if isinstance(value, Sweep) else cls.of(value, value)

    def __str__(self) -> str:
        """`64KiB`, or `64KiB..1MiB`, with the factor if it is not 2."""
        sizes = [format_size(size) for size in dict.fromkeys((self.begin, self.end))]
        return "..".join(sizes) + (f" x{self.factor}" if self.factor != 2 and len(sizes) > 1 else "")

    def __iter__(self) -> Iterator[int]:
        size = self.begin
        while size <= self.end:
            yield size
            size *= self.factor


class BenchRef(msgspec.Struct, frozen=True):
    """A bench as it travels to the process that runs it: its file and the function's name in it.

    A notebook's cell is no file: it travels as its `source`. A script has no function. `emulate` names installed
    packages that import the emulation too.
    """

    file: str
    function: str = "bench"
    source: str | None = None
    emulate: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a run of it is called."""
        return Path(self.file).stem

    @property
    def is_script(self) -> bool:
        """Whether the file runs from top to bottom instead of defining a bench."""
        return not self.function


class Parameter(msgspec.Struct, frozen=True):
    """A keyword parameter of a bench: what a command-line option is made of."""

    name: str
    kind: str
    default: Any


def find_bench(bench: str | Path | BenchRef | Callable[..., Any]) -> BenchRef:
    """Find a bench by name, by file, or as a function of a file; anything else is refused with the reason.

    A file that binds neither `bench` nor `verify` is a script.
    """
    if isinstance(bench, BenchRef):
        return bench
    if callable(bench):
        return _of_function(bench)
    text = str(bench)
    if text.endswith(".py"):
        path = Path(text)
        if not path.is_file():
            raise UsageError(f"{text}: no such bench file")
        ref = BenchRef(str(path.resolve()))
        return ref if _bound(tree_of(ref)) & {"bench", "verify"} else BenchRef(ref.file, "")
    if text.isidentifier():
        spec = find_spec(f"benches.{text}")
        if spec is not None and spec.origin is not None:
            return BenchRef(spec.origin)
    names = bench_names()
    near = get_close_matches(text, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}; or name a .py file"
    raise UsageError(f"unknown bench {text!r}; {hint}")


def emulated(ref: BenchRef, packages: Sequence[str]) -> BenchRef:
    """The bench with installed packages that import the emulation; one that is not installed is refused."""
    for package in packages:
        if not package.isidentifier() or not is_installed(package):
            raise UsageError(f"--emulate {package}: no such package is installed; name what an import statement names")
    return msgspec.structs.replace(ref, emulate=tuple(packages))


def _bound(tree: ast.Module) -> set[str]:
    """The names that a file's top level defines, assigns or imports."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names.update(
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            )
    return names


def bench_names() -> list[str]:
    """The benches that come with kernbench, by name."""
    spec = find_spec("benches")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    return sorted(path.stem for folder in folders for path in Path(folder).glob("[!_]*.py"))


def _of_function(function: Callable[..., Any]) -> BenchRef:
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", "")
    if code is not None and "<locals>" not in name and code.co_filename in linecache.cache:
        lines = linecache.getlines(code.co_filename)
        if lines and not Path(code.co_filename).is_file():
            return BenchRef(code.co_filename, name, "".join(lines))
    if code is None or "<locals>" in name or not Path(code.co_filename).is_file():
        raise UsageError(
            f"{name or function!r} cannot travel to the ranks: a bench is a function at the top level of a file "
            "(a closure or a lambda has state that another process would not see)"
        )
    return BenchRef(str(Path(code.co_filename).resolve()), name)


def parameters(ref: BenchRef) -> list[Parameter]:
    """Read the keyword parameters of a bench from its source, without running it.

    A default is a literal, `Sweep.of(...)` or a constant of the file that is one; `sizes: Sweep` becomes -b, -e, -f and --size.
    A script has none of its own; what all scripts take is `pes`.
    """
    if ref.is_script:
        return [Parameter("pes", "Pes", 0)]
    tree = tree_of(ref)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == ref.function:
            return [
                _parameter(ref, tree, arg, default)
                for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            ]
    raise UsageError(f"{ref.file}: it defines no function {ref.function}(torch, ...)")


def describe(ref: BenchRef) -> str:
    """The first line of the bench file's docstring."""
    return (ast.get_docstring(tree_of(ref)) or "").split("\n")[0]


def tree_of(ref: BenchRef) -> ast.Module:
    """The file's syntax tree; what is wrong with the file is a UsageError with its line."""
    try:
        return ast.parse(content_of(ref.file, MOST_BYTES) if ref.source is None else ref.source, ref.file)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise UsageError(f"{ref.file}:{line}: {error.__class__.__name__}: {getattr(error, 'msg', error)}") from error


def _parameter(ref: BenchRef, tree: ast.Module, arg: ast.arg, default: ast.expr | None) -> Parameter:
    where = f"{ref.file}:{arg.lineno}: parameter {arg.arg}"
    if default is None:
        raise UsageError(f"{where}: it needs a default, since it becomes an option")
    default = _constant(tree, default)
    if isinstance(default, ast.Call) and ast.unparse(default.func).endswith("Sweep.of"):
        return Parameter(arg.arg, "Sweep", Sweep.of(*(ast.literal_eval(each) for each in default.args)))
    try:
        value = ast.literal_eval(default)
    except ValueError as error:
        raise UsageError(f"{where}: its default must be a literal, Sweep.of(...) or a constant that is one") from error
    kind = ast.unparse(arg.annotation).strip("'\"") if arg.annotation is not None else type(value).__name__
    return Parameter(arg.arg, kind, value)


def _constant(tree: ast.Module, default: ast.expr) -> ast.expr:
    """What a name stands for, if the file assigns it at its top level."""
    if isinstance(default, ast.Name):
        for node in tree.body:
            if isinstance(node, ast.Assign) and any(
                isinstance(each, ast.Name) and each.id == default.id for each in node.targets
            ):
                return node.value
    return default


def check_arguments(ref: BenchRef, given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the arguments with defaults; an unknown one is refused with the nearest name."""
    known = {parameter.name: parameter for parameter in parameters(ref)}
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it takes: {', '.join(known) or 'none'}"
            raise UsageError(f"{ref.name}: unknown argument {name!r}; {hint}")
    checked = {name: _typed(ref, parameter, given.get(name, parameter.default)) for name, parameter in known.items()}
    for name, value in checked.items():
        if not isinstance(value, Sweep) and not _travels(value):
            raise UsageError(
                f"{ref.name}: {name}={value!r} cannot travel to the ranks; use numbers, text, lists and dicts"
            )
    return checked


def _travels(value: Any) -> bool:
    """Whether a value arrives in another process as what it was."""
    try:
        return repr(msgspec.msgpack.decode(msgspec.msgpack.encode(value))) == repr(value)
    except (TypeError, OverflowError, UnicodeEncodeError):
        return False


def _typed(ref: BenchRef, parameter: Parameter, value: Any) -> Any:
    """Convert a value, often text, to the parameter's type."""
    readers = {**READERS, "Sweep": ("of type Sweep", Sweep.at)}
    if parameter.kind not in readers:
        return value
    expected, read = readers[parameter.kind]
    try:
        return read(value)
    except (ValueError, KeyError) as error:
        raise UsageError(f"{ref.name}: {parameter.name} is {expected}, got {str(value)!r}") from error


def load_module(ref: BenchRef, shim: Shim) -> ModuleType:
    """Execute the bench file as a module object of its own: ranks share no state, in any transport.

    A file that runs itself (a script without a main guard) is read as far as that.
    """
    module = ModuleType(f"kernbench_bench_{next(_loads)}_{ref.name}")
    module.__file__ = ref.file
    token = _loading.set(True)
    try:
        shim.execute(module, compile(tree_of(ref), ref.file, "exec"))
    except LoadEnds:
        pass
    finally:
        _loading.reset(token)
    return module


def end_load() -> None:
    """Called where a run begins: while a file is loaded for a rank it ends that load, quietly."""
    if _loading.get():
        raise LoadEnds


def function_of(module: ModuleType, ref: BenchRef) -> Callable[..., Any]:
    """The bench function of a loaded module."""
    function: Any = module
    for part in ref.function.split("."):
        function = getattr(function, part, None)
    if not inspect.isfunction(function):
        raise UsageError(f"{ref.file}: it defines no function {ref.function}(torch, ...)")
    return function
