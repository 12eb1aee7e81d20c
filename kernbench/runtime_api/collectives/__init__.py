"""Collective algorithms, one file each; `ALGORITHMS` maps `--algo` to the module. Nothing is imported here."""

from importlib import import_module
from typing import Any

from kernbench.common.errors import UsageError

ALGORITHMS = {"ring": "kernbench.runtime_api.collectives.ring"}


def algorithm(name: str) -> Any:
    """Import an algorithm's module."""
    if name not in ALGORITHMS:
        raise UsageError(f"unknown --algo {name!r}; there are {', '.join(ALGORITHMS)}")
    return import_module(ALGORITHMS[name])
