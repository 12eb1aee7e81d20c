"""The files of a trace: PREFIX.0.et, PREFIX.1.et, ... one for each rank."""

import re
from pathlib import Path

from kernbench.common.errors import UsageError

MOST_RANKS = 64


def trace_files(prefix: str) -> tuple[Path, ...]:
    """The files of ranks 0, 1, ...; of a folder those of the only trace that is in it."""
    where = Path(prefix)
    try:
        found = _traces(where)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{prefix[:80]}: {getattr(error, 'strerror', None) or error}; name a readable trace"
        ) from error
    if not found:
        raise UsageError(
            f"{prefix}: there is no {prefix}.0.et; name what comes before the rank in PREFIX.0.et, PREFIX.1.et, ..."
        )
    if len(found) > 1:
        raise UsageError(
            f"{prefix}: it holds {len(found)} traces ({', '.join(found)}); name one, as {where / next(iter(found))}"
        )
    (files,) = found.values()
    ranks = len(files)
    missing = [rank for rank in range(ranks) if rank not in files]
    if missing:
        last = files[max(files)].name
        raise UsageError(
            f"{prefix}: the file of rank {missing[0]} is missing, though {last} is there; ranks count from 0"
        )
    if ranks > MOST_RANKS:
        raise UsageError(f"{prefix}: {ranks} files, and a system has at most {MOST_RANKS} SIPs; replay a smaller trace")
    return tuple(files[rank] for rank in range(ranks))


def _traces(where: Path) -> dict[str, dict[int, Path]]:
    """The files by the name before their rank: those of one trace, or all of a folder."""
    inside = where.is_dir()
    found: dict[str, dict[int, Path]] = {}
    for path in sorted((where if inside else where.parent).iterdir()):
        match = re.fullmatch(r"(.*)\.(0|[1-9][0-9]{0,8})\.et", path.name)
        if match is not None and (inside or match[1] == where.name):
            found.setdefault(match[1], {})[int(match[2])] = path
    return found
