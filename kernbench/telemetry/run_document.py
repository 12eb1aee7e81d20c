"""What readers of run.json rely on: a document that somebody changed is refused before anybody trips over it."""

from typing import Any, TypeAlias

import msgspec

Cell: TypeAlias = str | int | float | bool | list[Any] | dict[str, Any] | None


class Ended(msgspec.Struct):
    """How the run ended."""

    exit: int
    kind: str = ""
    message: str = ""
    where: str = ""
    waiters: list[str] = []


class Topology(msgspec.Struct):
    """Where its topology came from."""

    file: str = ""
    overrides: list[str] = []


class Parts(msgspec.Struct):
    """A figure for each of an engine's PARTS."""

    busy: float
    no_work: float
    wait_data: float
    wait_tcm: float
    wait_credit: float
    wait_queue: float


class EngineTime(msgspec.Struct):
    """Where the time of one kind of engine went."""

    engines: str
    time_ns: float
    parts_fs: Parts
    percent: Parts


class Roofline(msgspec.Struct):
    """A kernel against its roof: what a reader is shown of it."""

    kernel: str
    pes: int
    launches: int
    time_ns: float
    matrix_flops: int
    vector_flops: int
    read_bytes: int
    written_bytes: int
    flop_per_byte: float | None
    tflops: float
    peak_tflops: float
    gbs: float
    peak_gbs: float
    bound: str
    roof_share: float
    engines: list[EngineTime]
    why: str


class Shape(msgspec.Struct):
    """The keys that are read; others may be there."""

    bench: str | None = None
    status: Ended | None = None
    sips: int | None = None
    topology: Topology | None = None
    digest: str | None = None
    sim_time_fs: int | None = None
    rows: list[dict[str, Cell]] = []
    roofline: list[Roofline] | None = None


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
