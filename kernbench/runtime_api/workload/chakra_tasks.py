"""What the nodes of Chakra traces are to a replay: tasks, in an order that the dependencies allow."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from kernbench.common.units import Fs
from kernbench.runtime_api.workload.agreement import check_agreement
from kernbench.runtime_api.workload.chakra import Node, NodeType, Trace, read_trace
from kernbench.runtime_api.workload.communicator import Communicators, parse_dims, read_groups
from kernbench.runtime_api.workload.content import content_of, stamp_of
from kernbench.runtime_api.workload.files import trace_files
from kernbench.runtime_api.workload.inventory import Inventory
from kernbench.runtime_api.workload.task import (
    BARRIER,
    COMPUTE,
    HOST,
    LOAD,
    MOST_TIME,
    NOTHING,
    RECEIVE,
    SEND,
    STORE,
    Task,
    Workload,
    in_order,
    unit_of,
)

COLLECTIVES = (
    "all_reduce", "reduce", "all_gather", "gather", "scatter", "broadcast", "all_to_all", "reduce_scatter",
    "reduce_scatter", BARRIER,
)  # fmt: skip
"""`comm_type` by number: CollectiveCommType of et_def.proto; number 8 is the reduce-scatter of equal blocks."""
ROOTS = ("root_rank", "comm_root", "root")
SILENT = {
    NodeType.INVALID: "the schema gives it no meaning",
    NodeType.METADATA: "it says nothing about time",
    NodeType.STORAGE: "a rank has no storage here",
    NodeType.BATCH: "it takes no time of its own",
    NodeType.CHECKPOINT: "a rank has no storage here",
}


def read_chakra(prefix: str, compute_unit: str = "us", groups: str = "", dims: str = "") -> Workload:
    """The tasks of the files PREFIX.0.et, ...; whatever is wrong is a UsageError that names file and byte.

    `compute_unit` is that of a node's duration; `groups` names a JSON file of process groups, `dims` are the extents
    that `involved_dim` speaks of. A file is read once in a process as long as it stays what it is.
    """
    files = trace_files(prefix)
    given = content_of(groups) if groups else b""
    stamps = tuple((str(path), *stamp_of(path)) for path in files)
    return _read(prefix, stamps, compute_unit, (groups, given), dims)


@lru_cache(maxsize=2)
def _read(
    prefix: str, stamps: tuple[tuple[str, int, int], ...], compute_unit: str, groups: tuple[str, bytes], dims: str
) -> Workload:
    unit = unit_of(compute_unit)
    traces = [read_trace(Path(file)) for file, _, _ in stamps]
    count = len(traces)
    given = read_groups(*groups, count) if groups[0] else {}
    communicators = Communicators(traces, given, parse_dims(dims, count))
    inventory = Inventory()
    ranks = tuple(_Reader(trace, rank, unit, communicators, inventory).tasks() for rank, trace in enumerate(traces))
    check_agreement(prefix, ranks, communicators.groups)
    versions = ", ".join(dict.fromkeys(trace.version or "none" for trace in traces))
    nodes = sum(len(trace.nodes) for trace in traces)
    timed = any(task.time for tasks in ranks for task in tasks)
    notes = [
        f"{count} Chakra files of schema version {versions}, {nodes} nodes",
        *inventory.notes(),
        f"compute times are in {compute_unit}" + ("" if timed else ", and there are none"),
        "a collective's size is what one rank puts in, as in ASTRA-sim",
    ]
    return Workload(ranks, dict(communicators.groups), tuple(notes))


class _Reader:
    """Makes the tasks of one rank."""

    def __init__(self, trace: Trace, rank: int, unit: Fs, communicators: Communicators, inventory: Inventory) -> None:
        self._trace = trace
        self._rank = rank
        self._unit = unit
        self._communicators = communicators
        self._inventory = inventory
        self._makers: dict[int, Callable[[Node, tuple[int, ...]], Task]] = {
            NodeType.COMP: self._compute,
            NodeType.COMM_SEND: self._message,
            NodeType.COMM_RECV: self._message,
            NodeType.COMM_COLL: self._collective,
            NodeType.MEM_LOAD: self._memory,
            NodeType.MEM_STORE: self._memory,
        }

    def tasks(self) -> tuple[Task, ...]:
        """The tasks, each behind what it depends on, else as the file has them."""
        nodes = self._trace.nodes
        place = {node.id: number for number, node in enumerate(nodes)}
        for node in nodes:
            for other in node.after:
                if other not in place:
                    raise self._trace.refusal(
                        node, f"it depends on node {other}, which the file does not have; export the whole trace"
                    )
        after = [[place[other] for other in node.after] for node in nodes]
        order = in_order(after)
        if len(order) < len(nodes):
            self._refuse_cycle(after, set(order))
        turn = {number: at for at, number in enumerate(order)}
        return tuple(
            self._task(nodes[number], tuple(sorted(turn[other] for other in after[number]))) for number in order
        )

    def _refuse_cycle(self, after: list[list[int]], fine: set[int]) -> None:
        at = next(number for number in range(len(after)) if number not in fine)
        seen: dict[int, None] = {}
        while at not in seen:
            seen[at] = None
            at = next(other for other in after[at] if other not in fine)
        nodes, ring = self._trace.nodes, [*seen][[*seen].index(at) :]
        shown = " needs ".join(str(nodes[number].id) for number in [*ring[:8], *([] if len(ring) > 8 else [at])])
        raise self._trace.refusal(nodes[at], f"its dependencies form a cycle ({shown}); export the trace again")

    def _task(self, node: Node, after: tuple[int, ...]) -> Task:
        maker = self._makers.get(node.type)
        if maker is not None:
            return maker(node, after)
        known = node.type in SILENT
        kind = NodeType(node.type).name if known else f"node of type {node.type}"
        reason = SILENT[NodeType(node.type)] if known else "the schema that this reader knows has no such type"
        return self._ignored(node, after, kind, reason)

    def _ignored(self, node: Node, after: tuple[int, ...], kind: str, reason: str) -> Task:
        self._inventory.ignore(kind, reason)
        return Task(node.name, NOTHING, after)

    def _on_host(self, node: Node) -> bool:
        return bool(node.attributes.get("is_cpu_op", False))

    def _compute(self, node: Node, after: tuple[int, ...]) -> Task:
        time = node.duration * self._unit
        operations, size = (self._trace.number(node, name, 0) for name in ("num_ops", "tensor_size"))
        if time >= MOST_TIME:
            raise self._trace.refusal(
                node, f"it takes {node.duration}, which is more than an hour; is --compute-unit right?"
            )
        if self._on_host(node):
            if not time:
                return self._ignored(node, after, "COMP on the CPU", "it takes no time")
            self._inventory.take("compute on the host")
            return Task(node.name, HOST, after, time=time)
        if time:
            self._inventory.take("compute by duration")
            return Task(node.name, COMPUTE, after, time=time)
        if operations or size:
            self._inventory.take("compute by num_ops")
            return Task(node.name, COMPUTE, after, size, operations=operations)
        return self._ignored(node, after, "COMP", "it has no duration and no num_ops")

    def _memory(self, node: Node, after: tuple[int, ...]) -> Task:
        action = LOAD if node.type == NodeType.MEM_LOAD else STORE
        size = self._trace.number(node, "tensor_size", 0)
        if not size:
            return self._ignored(node, after, NodeType(node.type).name, "it has no tensor_size")
        self._inventory.take(f"memory {action}")
        return Task(node.name, action, after, size)

    def _message(self, node: Node, after: tuple[int, ...]) -> Task:
        kind, number = NodeType(node.type).name, self._trace.number
        if self._on_host(node):
            return self._ignored(node, after, f"{kind} on the CPU", "the host's record of what a device does")
        sends = node.type == NodeType.COMM_SEND
        mine, other = ("comm_src", "comm_dst") if sends else ("comm_dst", "comm_src")
        if (found := number(node, mine, self._rank)) != self._rank:
            raise self._trace.refusal(
                node, f"{mine} is {found} in the file of rank {self._rank}; is the file's number right?"
            )
        peer = number(node, other)
        if peer >= len(self._communicators) or peer == self._rank:
            raise self._trace.refusal(
                node, f"{other} is {peer}, expected another rank below {len(self._communicators)}"
            )
        size = number(node, "comm_size")
        if not size:
            return self._ignored(node, after, kind, "it has 0 bytes")
        action = SEND if sends else RECEIVE
        self._inventory.take(action)
        return Task(node.name, action, after, size, peer=peer, tag=number(node, "comm_tag", 0))

    def _collective(self, node: Node, after: tuple[int, ...]) -> Task:
        kind = "COMM_COLL"
        if self._on_host(node):
            return self._ignored(node, after, f"{kind} on the CPU", "the host's record of what a device does")
        code = self._trace.number(node, "comm_type")
        if code >= len(COLLECTIVES):
            raise self._trace.refusal(node, f"comm_type is {code}, expected 0 to {len(COLLECTIVES) - 1}")
        action, group = COLLECTIVES[code], self._communicators.of(self._trace, node, self._rank)
        if action == BARRIER:
            self._inventory.take(action)
            return Task(node.name, action, after, group=group)
        size = self._trace.number(node, "comm_size")
        if not size:
            return self._ignored(node, after, kind, "it has 0 bytes")
        self._inventory.take(action)
        return Task(node.name, action, after, size, group=group, peer=self._root(node, group))

    def _root(self, node: Node, group: str) -> int:
        members = self._communicators.groups.get(group, range(len(self._communicators)))
        for name in ROOTS:
            if name in node.attributes:
                root = self._trace.number(node, name)
                if root not in members:
                    raise self._trace.refusal(
                        node, f"{name} is {root}, which is not in its group of ranks {list(members)}"
                    )
                return root
        return members[0]
