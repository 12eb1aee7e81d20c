"""The replay of a workload on one rank: each task begins when those before it are done and its lane is free."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kernbench.common.errors import UsageError
from kernbench.common.messages.host import MemoryReadMsg, MemoryWriteMsg
from kernbench.runtime_api.collectives import algorithm
from kernbench.runtime_api.collectives.choice import choose
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.membership import NonMember
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.work import Work
from kernbench.runtime_api.workload.agenda import LANES, Agenda
from kernbench.runtime_api.workload.buffers import Buffers
from kernbench.runtime_api.workload.occupation import Occupation
from kernbench.runtime_api.workload.progress import Progress
from kernbench.runtime_api.workload.tally import Ran, Tally, counted
from kernbench.runtime_api.workload.task import (
    BARRIER,
    COMPUTE,
    HOST,
    LOAD,
    MOST_TIME,
    RECEIVE,
    SEND,
    STORE,
    Task,
    Workload,
)
from kernbench.triton_emu.dtype import DType


class Replay:
    """One rank's part of a workload. `torch` is its namespace, whose process group is there already.

    What tensors hold means nothing: they are as large as the workload says, of elements of `dtype`.
    """

    def __init__(self, torch: Any, rank: Rank, workload: Workload, dtype: DType) -> None:
        ranks = len(workload.ranks)
        if ranks != rank.world:
            raise UsageError(f"the workload has {ranks} ranks, the run {rank.world}; use --sips {ranks}")
        self._rank = rank
        self._dist = torch.distributed
        self._itemsize = dtype.itemsize
        self._tasks = workload.ranks[rank.index]
        self._progress = Progress(rank.phases, self._tasks)
        self._buffers = Buffers(rank, dtype)
        self._lent: dict[int, list[Tensor]] = {}
        self._chosen: dict[tuple[str, str, int], str] = {}
        world = tuple(range(ranks))
        self._groups: dict[str, Any] = {"": self._dist.world}
        for name, members in sorted(workload.groups.items()):
            self._groups[name] = self._dist.world if members == world else self._dist.new_group(members)
        messages = any(task.action in (SEND, RECEIVE) for tasks in workload.ranks for task in tasks)
        self._occupation = Occupation(rank, self._taken(messages))
        self._starters: dict[str, Callable[[int, Task], Work]] = {
            **dict.fromkeys(KINDS, self._collective),
            BARRIER: self._barrier,
            SEND: self._send,
            RECEIVE: self._receive,
            COMPUTE: self._compute,
            LOAD: self._load,
            STORE: self._store,
        }

    def _taken(self, messages: bool) -> Sequence[str]:
        """The PEs of collectives and, if there are any, of messages."""
        pes = self._rank.pes
        near = [pe for pe in pes if pe.partition(".")[0] == pes[0].partition(".")[0]]
        return (*self._dist.world.pes[0], *(near[-2:] if messages else ()))

    def prepare(self) -> None:
        """Open the queues that the tasks need, so that none waits for that later."""
        for task in self._tasks:
            group = self._groups[task.group]
            if task.action in KINDS:
                root = group.index(task.peer, task.name) if KINDS[task.action].rooted else 0
                group.prepare(task.action, self._algo(task), root)
        for name, group in self._groups.items():  # in one order on all ranks, since they wait for each other here
            if not isinstance(group, NonMember):
                group.wait_open()
                if any(task.action == BARRIER and task.group == name for task in self._tasks) and group.size > 1:
                    group.ring_queues()
        self._dist.open_pairs(self._peers(SEND), self._peers(RECEIVE))

    def _peers(self, action: str) -> list[int]:
        return [*dict.fromkeys(task.peer for task in self._tasks if task.action == action)]

    def run(self) -> list[Ran]:
        """Do all tasks; what each took, in order of their ends."""
        lanes = {LANES[task.action] for task in self._tasks if task.action in LANES}
        # The device's launch slots are shared out: one lane's waiting must not keep another from beginning.
        slots = self._rank.machine.section("host").launch_slots
        agenda = Agenda(self._tasks, max(1, slots // max(1, len(lanes))))
        running: dict[int, Work] = {}
        ran: list[Ran] = []
        while True:
            while (place := agenda.begin()) is not None:
                task = self._tasks[place]
                self._progress.begin(place)
                if task.action in self._starters:
                    running[place] = self._starters[task.action](place, task)
                    continue
                if task.action == HOST:
                    with self._progress.during((place, *running)):
                        ran.append(self._on_host(task))
                agenda.end(place)
            if not running:
                self._progress.end()
                return ran
            with self._progress.during(running):
                self._rank.wait_any([work.handle for work in running.values()])
            for place in sorted(place for place, work in running.items() if work.handle.done):
                ran.append(self._end(place, running.pop(place)))
                agenda.end(place)

    def _end(self, place: int, work: Work) -> Ran:
        work.wait()
        for tensor in self._lent.pop(place, ()):
            self._buffers.give_back(tensor)
        task, completion = self._tasks[place], work.handle.completion
        assert completion is not None
        if task.action in (LOAD, STORE):
            return Ran(task, completion.submitted, completion.completed)
        return Ran(task, work.start, work.end, work.launch, work.queued, work.overlap)

    def _lend(self, place: int, count: int) -> Tensor:
        whole, part = self._buffers.take(count)
        self._lent.setdefault(place, []).append(whole)
        return part

    # -- what tasks are to the device ----------------------------------------------------------------------------

    def _collective(self, place: int, task: Task) -> Work:
        kind, group = task.action, self._groups[task.group]
        described, ranks = KINDS[kind], group.size
        count = counted(task, ranks, self._itemsize)
        x = self._lend(place, count if described.inputs == "all" or not described.blocked else count // ranks)
        y = x
        if described.blocked:
            y = self._lend(place, count if described.outputs == "all" else count // ranks)
        work: Work = group.run(
            kind,
            x,
            y,
            op="sum" if described.reduces else "",
            root=group.index(task.peer, task.name) if described.rooted else 0,
            caller=f"task {task.name}",
            algo=self._algo(task),
        )
        return work

    def _algo(self, task: Task) -> str:
        """The group's algorithm; under `auto`, or where it does not offer a collective, the one with the best closed form."""
        kind, group = task.action, self._groups[task.group]
        key = (kind, task.group, task.size)
        if key not in self._chosen:
            own: str = group.algo
            count = counted(task, group.size, self._itemsize) // (group.size if KINDS[kind].blocked else 1)
            offered = own != "auto" and hasattr(algorithm(own), kind)
            self._chosen[key] = own if offered else choose(group, kind, count, self._itemsize)
        return self._chosen[key]

    def _barrier(self, _place: int, task: Task) -> Work:
        work: Work = self._dist.barrier(self._groups[task.group], async_op=True)
        return work

    def _send(self, place: int, task: Task) -> Work:
        work: Work = self._dist.isend(self._lend(place, -(-task.size // self._itemsize)), task.peer)
        return work

    def _receive(self, place: int, task: Task) -> Work:
        work: Work = self._dist.irecv(self._lend(place, -(-task.size // self._itemsize)), task.peer)
        return work

    def _compute(self, _place: int, task: Task) -> Work:
        time = task.time or self._occupation.roofline(task.operations, task.size)
        if time >= MOST_TIME:
            raise UsageError(
                f"task {task.name}: {task.operations} operations on {task.size} bytes take more than an hour"
            )
        return self._occupation.begin(task.name, time)

    def _load(self, place: int, task: Task) -> Work:
        """From the host's memory into the device's, over PCIe."""
        target = self._lend(place, -(-task.size // self._itemsize))
        data = bytes(task.size) if self._rank.values else None
        return Work(self._rank, self._rank.submit(MemoryWriteMsg(target.data_ptr(), task.size, data)))

    def _store(self, place: int, task: Task) -> Work:
        """From the device's memory into the host's, over PCIe."""
        source = self._lend(place, -(-task.size // self._itemsize))
        return Work(self._rank, self._rank.submit(MemoryReadMsg(source.data_ptr(), task.size)))

    def _on_host(self, task: Task) -> Ran:
        """The host does nothing else meanwhile; the device goes on with what it has."""
        start = self._rank.now()
        self._rank.pause(task.time)
        return Ran(task, start, self._rank.now())


def replay(torch: Any, workload: Workload, dtype: DType) -> Iterator[Row]:
    """Replay this rank's part, begun by all ranks at the same instant, and give its rows."""
    rank: Rank = torch._rank  # noqa: SLF001  # the namespace is made of it; the runtime itself may look
    part = Replay(torch, rank, workload, dtype)
    with rank.phase("open queues"):
        part.prepare()
        torch.distributed.align()
    began = rank.now()
    ran = part.run()
    yield from Tally(workload, dtype.itemsize).rows(began, ran)
