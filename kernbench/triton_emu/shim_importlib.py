"""`importlib` for a user's modules: what libraries ask it about triton has to agree with what `import triton` gives."""

import importlib
import importlib.util
from collections.abc import Callable
from functools import wraps
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, TypeAlias

Execute: TypeAlias = Callable[[ModuleType, CodeType], None]
Where: TypeAlias = Callable[[str], ModuleSpec | None]


class Importlib(ModuleType):
    """Python's `importlib` but for what loads a module, or says where it is: that looks where the shim does first.

    `load` gives the module of an absolute name, or None where Python decides; `where` says where it lies, and does not
    load it. `execute` runs a module's code.
    """

    def __init__(self, load: Callable[[str], Any], where: Where, execute: Execute) -> None:
        super().__init__("importlib")
        self._load = load
        self.util = _Util(load, where, execute)
        self.resources = _Resources(load)

    def import_module(self, name: str, package: str | None = None) -> Any:
        """Load a module by name."""
        absolute = importlib.util.resolve_name(name, package)
        found = self._load(absolute)
        return importlib.import_module(absolute) if found is None else found

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)


class _Given(Loader):
    """Loads a module through the shim, once: `module_from_spec` and `exec_module` give it as it is there.

    What else a loader is asked (its `path`, `get_data`) `found` answers, Python's own.
    """

    def __init__(self, load: Callable[[str], Any], found: Any) -> None:
        self._load = load
        self._found = found

    def create_module(self, spec: ModuleSpec) -> Any:
        """The module."""
        return self._load(spec.name)

    def exec_module(self, module: Any) -> None:
        """Nothing is left to execute."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)


class _Source(Loader):
    """Loads a file through the shim."""

    def __init__(self, loader: SourceFileLoader, execute: Execute) -> None:
        self._loader = loader
        self._execute = execute

    def create_module(self, _spec: ModuleSpec) -> None:
        """Python's own way."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the file."""
        path = self._loader.path
        self._execute(module, self._loader.source_to_code(self._loader.get_data(path), path))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Resources(ModuleType):
    """`importlib.resources`: a package that is named is the shim's; Python would load it a second time."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        super().__init__("importlib.resources")
        self._load = load

    def __getattr__(self, name: str) -> Any:
        from importlib import resources  # noqa: PLC0415  # 4 ms, and few programs ask

        found = getattr(resources, name)
        if not callable(found) or isinstance(found, type):
            return found

        @wraps(found)
        def call(*args: Any, **named: Any) -> Any:
            return found(*map(self._loaded, args[:1]), *args[1:], **named)

        return call

    def _loaded(self, package: Any) -> Any:
        found = self._load(package) if isinstance(package, str) else None
        return package if found is None else found


class _Util(ModuleType):
    """`importlib.util`."""

    def __init__(self, load: Callable[[str], Any], where: Where, execute: Execute) -> None:
        super().__init__("importlib.util")
        self._load = load
        self._where = where
        self._execute = execute

    def spec_from_file_location(self, name: str, location: Any = None, **options: Any) -> ModuleSpec | None:
        """A file as a module, such as one that a library has just written; it imports as the module that asks does."""
        spec = importlib.util.spec_from_file_location(name, location, **options)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Source(spec.loader, self._execute)
        return spec

    def find_spec(self, name: str, package: str | None = None) -> ModuleSpec | None:
        """Where a module is; what the shim gives is nowhere, but it is there."""
        absolute = importlib.util.resolve_name(name, package)
        try:
            place = self._where(absolute)
        except ModuleNotFoundError:
            return None
        if place is None:
            return importlib.util.find_spec(absolute)
        found = ModuleSpec(absolute, _Given(self._load, place.loader), origin=place.origin)
        found.submodule_search_locations, found.has_location = place.submodule_search_locations, place.has_location
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.util, name)
