"""`sys` for a user's modules: its `modules` have the shim's before everybody's, as their imports do."""

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import Any, TypeAlias

Owns: TypeAlias = Callable[[str], bool]
"""Whether a module of this absolute name is the shim's to load."""


class Sys(ModuleType):
    """Python's `sys` but for `modules`.

    `own` are the modules that the shim has loaded, `given` what it gives besides, `around` what stands for a module of
    Python's once that is there.
    """

    def __init__(
        self, own: MutableMapping[str, Any], given: Mapping[str, Any], around: Mapping[str, Any], owns: Owns
    ) -> None:
        super().__init__("sys")
        self.__dict__["modules"] = _Modules(own, given, around, owns)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(sys, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(sys, name)

    def __dir__(self) -> list[str]:
        return dir(sys)


class _Modules(MutableMapping[str, Any]):
    """`sys.modules`; a module of the shim may put another one in its own place, as packages that load lazily do.

    It may also give a module a second name: whoever imports that name asks the shim, so that has to know it.
    """

    def __init__(
        self, own: MutableMapping[str, Any], given: Mapping[str, Any], around: Mapping[str, Any], owns: Owns
    ) -> None:
        self._own = own
        self._owns = owns
        self._given = given
        self._around = around

    def __getitem__(self, name: str) -> Any:
        for modules in (self._own, self._given):
            if name in modules:
                return modules[name]
        module = sys.modules[name]
        return self._around.get(name, module)

    def __setitem__(self, name: str, module: Any) -> None:
        (self._own if name in self._own or self._owns(name) else sys.modules)[name] = module

    def __delitem__(self, name: str) -> None:
        del (self._own if name in self._own else sys.modules)[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**sys.modules, **self._given, **self._own})

    def __len__(self) -> int:
        return len(set(self))
