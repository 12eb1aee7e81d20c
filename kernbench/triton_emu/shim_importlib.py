"""`importlib` for a user's modules: what libraries ask it about triton has to agree with what `import triton` gives."""

import importlib
import importlib.util
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Importlib(ModuleType):
    """Python's `importlib` but for `import_module` and `util.find_spec`, which look where the shim does first.

    `load` gives the module of an absolute name, or None where Python decides.
    """

    def __init__(self, load: Callable[[str], Any]) -> None:
        super().__init__("importlib")
        self._load = load
        self.util = _Util(load)

    def import_module(self, name: str, package: str | None = None) -> Any:
        """Load a module by name."""
        absolute = importlib.util.resolve_name(name, package)
        found = self._load(absolute)
        return importlib.import_module(absolute) if found is None else found

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)


class _Util(ModuleType):
    """`importlib.util`."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        super().__init__("importlib.util")
        self._load = load

    def find_spec(self, name: str, package: str | None = None) -> ModuleSpec | None:
        """Where a module is; what the shim gives is nowhere, but it is there."""
        absolute = importlib.util.resolve_name(name, package)
        try:
            found = self._load(absolute)
        except ModuleNotFoundError:
            return None
        return importlib.util.find_spec(absolute) if found is None else ModuleSpec(absolute, None)

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.util, name)
