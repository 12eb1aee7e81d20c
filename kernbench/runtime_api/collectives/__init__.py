"""Collective algorithms, one file each; `ALGORITHMS` maps `--algo` to the module. Nothing is imported here."""

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from kernbench.common.errors import UsageError

ALGORITHMS = {
    "ring": "kernbench.runtime_api.collectives.ring",
    "bidir_ring": "kernbench.runtime_api.collectives.bidir_ring",
    "tree": "kernbench.runtime_api.collectives.tree",
    "recursive_doubling": "kernbench.runtime_api.collectives.recursive_doubling",
    "halving_doubling": "kernbench.runtime_api.collectives.halving_doubling",
    "direct": "kernbench.runtime_api.collectives.direct",
    "mesh2d": "kernbench.runtime_api.collectives.mesh2d",
    "hierarchical": "kernbench.runtime_api.collectives.hierarchical",
}

_COLLECTIVES = (
    "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "reduce", "gather", "scatter",
)  # fmt: skip


def algorithm(name: str) -> Any:
    """Import an algorithm's module: one of the table, or a user's file (`./mine.py`)."""
    if name.endswith(".py"):
        return _loaded(str(Path(name).resolve()))
    if name not in ALGORITHMS:
        raise UsageError(f"unknown --algo {name!r}; there are {', '.join(ALGORITHMS)}, auto, or a file ./NAME.py")
    return import_module(ALGORITHMS[name])


def collectives_of(name: str) -> list[str]:
    """The collectives that an algorithm offers."""
    module = algorithm(name)
    return [each for each in _COLLECTIVES if hasattr(module, each)]


@lru_cache
def _loaded(path: str) -> Any:
    from kernbench.runtime_api.bench import BenchRef, load_module  # noqa: PLC0415  # nothing is imported to be listed
    from kernbench.triton_emu.shim import Shim  # noqa: PLC0415  # the same

    if not Path(path).is_file():
        raise UsageError(f"--algo {path}: no such file")
    return load_module(BenchRef(path), Shim(Path(path).parent))
