"""Which ranks a collective of a Chakra trace is for: by the name of its process group or by network dimensions."""

import json
from collections.abc import Mapping, Sequence
from math import prod

from kernbench.common.errors import UsageError
from kernbench.runtime_api.workload.chakra import Node, NodeType, Trace


def read_groups(file: str, content: bytes, ranks: int) -> dict[str, tuple[int, ...]]:
    """The groups of a JSON file's content {"name": [ranks]}, as ASTRA-sim's --comm-group-configuration has it."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f'{file}: {error}; expected JSON: {{"name": [rank, ...], ...}}') from error
    groups: dict[str, tuple[int, ...]] = {}
    for name, members in document.items() if isinstance(document, dict) else [("", None)]:
        if not isinstance(members, list) or not members or not all(_is_rank(each, ranks) for each in members):
            raise UsageError(f"{file}: group {name!r}: expected a list of ranks from 0 to {ranks - 1}")
        groups[name] = tuple(sorted(set(members)))
    return groups


def _is_rank(value: object, ranks: int) -> bool:
    return type(value) is int and 0 <= value < ranks


def parse_dims(text: str, ranks: int) -> tuple[int, ...]:
    """`2x4`: extents of the network's dimensions, the first of neighbouring ranks."""
    parts = text.split("x") if text else []
    if not all(part.isdecimal() and part.isascii() and 0 < len(part) < 4 for part in parts):  # digits
        raise UsageError(f"--dims {text}: expected extents such as 2x4")
    dims = tuple(int(part) for part in parts)
    if dims and prod(dims) != ranks:
        raise UsageError(f"--dims {text}: {prod(dims)} ranks, and the trace has {ranks}")
    return dims


class Communicators:
    """The groups that the nodes of a trace name; `given` ones come from a file, others are who uses their name."""

    def __init__(self, traces: Sequence[Trace], given: Mapping[str, tuple[int, ...]], dims: tuple[int, ...]) -> None:
        self._dims = dims
        self._ranks = len(traces)
        users: dict[str, set[int]] = {}
        for rank, trace in enumerate(traces):
            for node in trace.nodes:
                if node.type == NodeType.COMM_COLL and (name := _name(node)) is not None:
                    users.setdefault(name, set()).add(rank)
        self.groups = {name: given.get(name, tuple(sorted(ranks))) for name, ranks in users.items()}

    def __len__(self) -> int:
        return self._ranks

    def of(self, trace: Trace, node: Node, rank: int) -> str:
        """The name of a collective's group, "" for all ranks."""
        name = _name(node)
        if name is None:
            return self._along(trace, node, rank)
        if rank not in self.groups[name]:
            raise trace.refusal(node, f"rank {rank} is not in its process group {name}; correct the file of --groups")
        return name

    def _along(self, trace: Trace, node: Node, rank: int) -> str:
        flags = node.attributes.get("involved_dim")
        if not isinstance(flags, tuple) or all(flags):
            return ""
        dims = self._dims
        if not dims:
            raise trace.refusal(
                node, f"involved_dim is {list(flags)}, so say what the dimensions are, such as --dims 2x4"
            )
        members, stride = {rank}, 1
        for extent, taken in zip(dims, (*flags, *(False for _ in dims)), strict=False):
            if taken:
                members = {each + (at - each // stride % extent) * stride for each in members for at in range(extent)}
            stride *= extent
        name = f"ranks {' '.join(map(str, sorted(members)))}"
        self.groups[name] = tuple(sorted(members))
        return name


def _name(node: Node) -> str | None:
    name = node.attributes.get("pg_name", "")
    return str(name) if name not in ("", ()) else None
