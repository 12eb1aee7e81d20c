"""`kernbench run --chakra PREFIX` and `--workload FILE`: the bench they stand for, its ranks, and what it says about its files."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kernbench.common.errors import UsageError

if TYPE_CHECKING:
    from kernbench.runtime_api.bench import BenchRef

IMPORTS = {"chakra": ("chakra", "prefix"), "workload": ("workload", "file")}
"""Option of `run`: the bench that it names, and the parameter of it that its value is."""


def imported_bench(arguments: Sequence[str]) -> str | None:
    """The bench that the words ask for by one of these options, before they are parsed."""
    asked = [
        bench
        for option, (bench, _) in IMPORTS.items()
        if any(word == f"--{option}" or word.startswith(f"--{option}=") for word in arguments)
    ]
    if len(asked) > 1:
        raise UsageError("--chakra and --workload: a run replays one of them; leave the other out")
    return asked[0] if asked else None


def imported_arguments(given: Mapping[str, Any]) -> dict[str, str]:
    """The bench's argument that the option stands for; no other bench and no second file go with it."""
    for option, (bench, parameter) in IMPORTS.items():
        if given[option] is None:
            continue
        named = given["bench"] or given["named"]
        if named not in (None, bench):
            raise UsageError(f"--{option} is itself what runs; leave out {named}")
        if given[f"bench_{parameter}"] is not None:
            raise UsageError(f"--{option} X is --{parameter} X; give one of them")
        return {parameter: given[option]}
    return {}


def ranks_of(ref: "BenchRef", arguments: Mapping[str, Any], sips: int | None) -> int | None:
    """How many SIPs a run has: as many as asked for, else as the files say; None leaves it to the topology."""
    kind = _kind(ref)
    if kind == "chakra" and arguments["prefix"]:
        from kernbench.runtime_api.workload.files import trace_files

        files = len(trace_files(arguments["prefix"]))
        if sips not in (None, files):
            raise UsageError(
                f"--sips {sips}: the trace has {files} files, a rank each; use --sips {files} or leave it out"
            )
        return files
    if kind == "workload" and arguments["file"] and sips is None:
        from kernbench.runtime_api.workload.astra_text import read_text

        return read_text(arguments["file"]).group
    return sips


def notes_of(ref: "BenchRef", arguments: Mapping[str, Any], ranks: int) -> list[str]:
    """What was read, what is ignored and why; whatever is wrong with the files is said here, before anything runs."""
    kind = _kind(ref)
    if kind == "chakra" and arguments["prefix"]:
        from kernbench.runtime_api.workload.chakra_tasks import read_chakra

        return [*read_chakra(*(arguments[name] for name in ("prefix", "compute_unit", "groups", "dims"))).notes]
    if kind == "workload" and arguments["file"]:
        from kernbench.runtime_api.workload.astra_text import read_text
        from kernbench.runtime_api.workload.astra_text_tasks import tasks_of

        chosen = (arguments[name] for name in ("compute_unit", "layers", "gather_size"))
        return [*tasks_of(read_text(arguments["file"]), ranks, *chosen, overlap=arguments["overlap"]).notes]
    return []


def _kind(ref: "BenchRef") -> str:
    """Which of ours a bench is; a user's file of the same name is none."""
    from kernbench.runtime_api.bench import find_bench

    return next((bench for bench, _ in IMPORTS.values() if ref.file == find_bench(bench).file), "")
