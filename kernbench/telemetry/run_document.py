"""What readers of run.json rely on: a document that somebody changed is refused before anybody trips over it."""

from typing import Any, TypeAlias

import msgspec

Cell: TypeAlias = str | int | float | bool | list[Any] | dict[str, Any] | None


class Ended(msgspec.Struct):
    """How the run ended."""

    exit: int
    message: str = ""


class Topology(msgspec.Struct):
    """Where its topology came from."""

    file: str = ""
    overrides: list[str] = []


class Shape(msgspec.Struct):
    """The keys that are read; others may be there."""

    bench: str | None = None
    status: Ended | None = None
    sips: int | None = None
    topology: Topology | None = None
    digest: str | None = None
    sim_time_fs: int | None = None
    rows: list[dict[str, Cell]] = []


def checked(document: Any) -> dict[str, Any] | None:
    """The document, None if it is no object; raises ValueError where a key that is read is of another type."""
    if not isinstance(document, dict):
        return None
    try:
        shape = msgspec.convert(document, type=Shape)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if shape.sim_time_fs is not None and not 0 <= shape.sim_time_fs < 2**63:
        raise ValueError(f"a simulated time of {shape.sim_time_fs} fs")
    return document
