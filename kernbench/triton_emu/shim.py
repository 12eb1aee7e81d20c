"""The import function of a user's modules: it gives them the emulation, and modules of their own, behind everybody's back.

`sys.modules` keeps what it has: whoever else imports triton gets the one that is installed, or none.
"""

import builtins
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import find_spec, module_from_spec, resolve_name
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from kernbench.triton_emu.shim_importlib import Importlib
from kernbench.triton_emu.shim_sys import Sys

_INSTALLED = Path(__file__).resolve().parents[2]
_SITES = frozenset({"site-packages", "dist-packages"})
"""Folders that hold what is installed; a program's folder often has an environment of its own inside."""
_OWN = frozenset({"kernbench", "actors", "tui", "benches"})


class Shim:
    """Imports for the modules below the folder `home` and for installed `packages`, which are loaded once per shim.

    `given` are modules that stand for top-level names, whatever is installed. A module that is executed with
    `execute` imports through the shim; what is neither given, below `home` nor in `packages` comes from Python, and
    `around` has by absolute name what stands for some of that once Python has found it. `files` are the sources of
    what it has executed.
    """

    def __init__(
        self,
        home: Path | None,
        packages: Collection[str] = (),
        given: Mapping[str, Any] | None = None,
        around: Mapping[str, ModuleType] | None = None,
    ) -> None:
        self._home = None if home is None else home.resolve()
        self._packages = frozenset(packages)
        self._given = dict(given or {})
        self._modules: dict[str, ModuleType] = {}
        self._tops: dict[str, ModuleSpec | None] = {}
        self._builtins = {**vars(builtins), "__import__": self.import_name}
        self.files: set[str] = set()
        asked = Importlib(self._loaded, self._where, self.execute)
        parts = {"importlib.util": asked.util, "importlib.resources": asked.resources}
        own: dict[str, ModuleType] = {"importlib": asked, **parts, **(around or {})}
        own["sys"] = Sys(self._modules, self._given, own, self._owns)
        self._around = own
        own["pkgutil"] = self._again("pkgutil")

    def _again(self, name: str) -> ModuleType:
        """A module of Python's own once more, which imports through the shim what it is asked to import."""
        spec = find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        module.__dict__["__builtins__"] = self._builtins
        spec.loader.exec_module(module)
        return module

    def execute(self, module: ModuleType, code: CodeType) -> None:
        """Run a module's code; while it runs, `sys.modules` knows it by name, as dataclasses need."""
        self.files.add(code.co_filename)
        module.__dict__["__builtins__"] = self._builtins
        with _known(module):
            exec(code, module.__dict__)  # noqa: S102  # it is its user's own code

    def import_name(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  # the names of Python's own
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """`__import__` of the modules that this shim executes."""
        absolute = self._absolute(name, globals, level, fromlist or ()) if level else name
        if not absolute:
            return self._siblings(fromlist or ())
        top = absolute.partition(".")[0]
        if top in self._given:
            module = self._given_module(absolute)
            if not fromlist:
                return self._given[top]
            for each in fromlist:
                _require(module, each, absolute)
            return module
        if self._spec(top) is None:
            found = builtins.__import__(name, globals, locals, fromlist or (), level)
            return self._around.get(found.__name__, found)
        loaded = self._module(absolute)
        if not fromlist:
            return self._modules[top]
        for each in _expanded(loaded, fromlist):
            if not hasattr(loaded, each):
                self._submodule(loaded, f"{absolute}.{each}")
                _require(loaded, each, absolute)
        return loaded

    def _absolute(self, name: str, importer: Mapping[str, Any] | None, level: int, fromlist: Sequence[str]) -> str:
        """The absolute name of a relative import; a file that is in no package means modules beside it."""
        package = _package(importer)
        if package:
            return resolve_name("." * level + name, package)
        if level > 1 or self._home is None:
            what = name or ", ".join(fromlist)
            raise ImportError(
                f"{'.' * level}{what}: a relative import from here goes one folder up at most, as `.name`"
            )
        return name

    def _siblings(self, names: Sequence[str]) -> ModuleType:
        """`from . import name` in a file that is in no package."""
        folder = ModuleType("")
        for each in names:
            setattr(folder, each, self._module(each))
        return folder

    def _loaded(self, absolute: str) -> Any:
        """A module that is the shim's to give, None if Python decides."""
        top = absolute.partition(".")[0]
        if top in self._given:
            return self._given_module(absolute)
        if self._spec(top) is not None:
            return self._module(absolute)
        return self._around.get(absolute)

    def _where(self, absolute: str) -> ModuleSpec | None:
        """Where a module lies that is the shim's to give, which is not loaded for that; None if Python decides."""
        top, _, rest = absolute.partition(".")
        if top in self._given:
            self._given_module(absolute)
            return ModuleSpec(absolute, None)
        if self._spec(top) is None:
            return find_spec(absolute) or ModuleSpec(absolute, None) if absolute in self._around else None
        package = absolute.rpartition(".")[0]
        place = _find(absolute, getattr(self._module(package), "__path__", [])) if rest else self._spec(top)
        if place is None and absolute not in self._modules:
            raise ModuleNotFoundError(f"No module named {absolute!r}", name=absolute)
        return place or ModuleSpec(absolute, None)

    def _given_module(self, absolute: str) -> Any:
        top, *rest = absolute.split(".")
        module = self._given[top]
        for part in rest:
            try:
                module = getattr(module, part)
            except AttributeError as error:
                raise ModuleNotFoundError(f"no module named {absolute!r}: {error}", name=absolute) from error
        return module

    def _spec(self, top: str) -> ModuleSpec | None:
        """What a top-level name stands for here, if it is the shim's to load."""
        if top not in self._tops:
            self._tops[top] = self._find_top(top)
        return self._tops[top]

    def _owns(self, absolute: str) -> bool:
        """Whether a module of this name would be the shim's to load."""
        return self._spec(absolute.partition(".")[0]) is not None

    def _find_top(self, top: str) -> ModuleSpec | None:
        if top in self._packages:
            return find_spec(top)
        if top in sys.builtin_module_names:
            return None
        spec = None if self._home is None else _find(top, [str(self._home)])
        if spec is not None and spec.loader is None and is_installed(top):
            spec = None  # a folder without __init__.py comes after what is installed, as with Python's own path
        if spec is None:
            spec = self._below(top)
        return None if spec is None or self._is_ours(top, spec) else spec

    def _is_ours(self, top: str, spec: ModuleSpec) -> bool:
        """Whether a name stands for a part of kernbench: a second copy would have classes of its own."""
        if top not in _OWN or self._home is None:
            return False
        return (
            top == "kernbench"
            or (self._home / "kernbench").is_dir()
            or _INSTALLED in Path(_place(spec)).resolve().parents
        )

    def _below(self, top: str) -> ModuleSpec | None:
        """A package that Python finds in `home` or in one of `packages`, which may put folders of its own on Python's path.

        What lies in an environment inside one of them is installed, and none of its own.
        """
        try:
            spec = find_spec(top)
        except (ValueError, ImportError):
            return None
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(_place(spec)).resolve()
        roots = [] if self._home is None else [self._home]
        roots += [Path(_place(each)).resolve() for name in self._packages if (each := self._spec(name)) is not None]
        inside = (folder.relative_to(root) for root in roots if root == folder or root in folder.parents)
        return spec if any(not _SITES & set(way.parts) for way in inside) else None

    def _module(self, absolute: str) -> ModuleType:
        """Load a module and, before it, the packages that it is in."""
        found = self._modules.get(absolute)
        if found is not None:
            return found
        package, _, own = absolute.rpartition(".")
        if not package:
            spec = self._spec(absolute)
        else:
            parent = self._module(package)
            if absolute in self._modules:  # the package itself imported it
                return self._modules[absolute]
            spec = _find(absolute, getattr(parent, "__path__", []))
        if spec is None:
            raise ModuleNotFoundError(f"No module named {absolute!r}", name=absolute)
        self._load(spec)
        module = self._modules[absolute]  # it may have put another one in its place
        if package:
            setattr(self._modules[package], own, module)
        return module

    def _submodule(self, package: ModuleType, absolute: str) -> None:
        """Load what `from package import name` names if it is a module; it may also be no name at all."""
        known = absolute in self._modules
        if known or (hasattr(package, "__path__") and _find(absolute, package.__path__) is not None):
            module = self._module(absolute)
            setattr(package, absolute.rpartition(".")[2], module)

    def _load(self, spec: ModuleSpec) -> None:
        loader = spec.loader
        if isinstance(loader, ExtensionFileLoader):
            module = self._modules[spec.name] = module_from_spec(spec)
            loader.exec_module(module)
            return
        module = self._modules[spec.name] = module_from_spec(spec)
        if isinstance(loader, SourceFileLoader):
            try:
                # From the source at each load: a cache would be as old as its clock is coarse.
                self.execute(module, loader.source_to_code(loader.get_data(loader.path), loader.path))
            except BaseException:
                self._modules.pop(spec.name, None)
                raise


def _place(spec: ModuleSpec) -> str:
    """The folder of a package, the file of a module."""
    places = list(spec.submodule_search_locations or ())
    return places[0] if places else spec.origin or ""


@contextmanager
def _known(module: ModuleType) -> Iterator[None]:
    """Have `sys.modules` hold a module for as long as it is executed."""
    name = module.__name__
    before = sys.modules.get(name)
    if name == "__main__":  # the interpreter's own, which processes and pickles look at
        yield
        return
    sys.modules[name] = module
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            if before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = before


def _find(absolute: str, paths: Sequence[str]) -> ModuleSpec | None:
    """Look a module up in folders, afresh: Python's own finder may not have seen a new file yet."""
    spaces: list[str] = []
    for path in paths:
        finder = FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (SourceFileLoader, SOURCE_SUFFIXES))
        spec = finder.find_spec(absolute)
        if spec is not None and spec.loader is not None:
            return spec
        if spec is not None:
            spaces += spec.submodule_search_locations or []
    if not spaces:
        return None
    spec = ModuleSpec(absolute, None, is_package=True)
    spec.submodule_search_locations = spaces
    return spec


def is_installed(name: str) -> bool:
    """Whether Python itself would find a top-level module."""
    try:
        return find_spec(name) is not None
    except ValueError:  # it was put into sys.modules by hand
        return True


def _package(globals_: Mapping[str, Any] | None) -> str:
    """The package that a relative import starts from."""
    values = globals_ or {}
    package = values.get("__package__")
    if package is None:
        name = str(values.get("__name__", ""))
        package = name if "__path__" in values else name.rpartition(".")[0]
    return str(package)


def _require(module: Any, name: str, absolute: str) -> None:
    """Python would look into `sys.modules` for a name that a module lacks, which holds other modules than these."""
    if name == "*":
        return
    try:
        getattr(module, name)
    except AttributeError as error:
        text = str(error) if "does not exist here" in str(error) else f"it is not in {absolute}"
        raise ImportError(f"cannot import name {name!r} from {absolute!r}: {text}", name=absolute) from error


def _expanded(module: ModuleType, fromlist: Sequence[str]) -> list[str]:
    names = [each for each in fromlist if each != "*"]
    return names + list(getattr(module, "__all__", ())) if "*" in fromlist else names
