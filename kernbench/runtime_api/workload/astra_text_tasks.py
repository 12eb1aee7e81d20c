"""What the layers of a text workload are to a replay: the tasks of one pass over the model, forward and backward."""

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.units import Fs
from kernbench.runtime_api.workload.astra_text import Layer, TextWorkload
from kernbench.runtime_api.workload.inventory import Inventory
from kernbench.runtime_api.workload.task import COMPUTE, MOST_TIME, Task, Workload, unit_of

MODEL, DATA = "model-parallel", "data-parallel"
MOST_TASKS = 10**6
"""Layers that are computed anew from one checkpoint over and over are more than a file's size tells."""


class Choice(msgspec.Struct, frozen=True):
    """How a file is replayed.

    `unit` is that of its times (fs), `first` and `last` bound its layers (the last excluded), `overlap` says that the
    collective of input gradients runs beside the compute of weight gradients, `whole` that the bytes of an all-gather
    are those of all blocks and not of one rank's.
    """

    unit: Fs
    first: int
    last: int
    overlap: bool
    whole: bool


def chosen_layers(text: str, count: int) -> tuple[int, int]:
    """`3:7`: layers 3 to 6, counted from 0; either end may be left out."""
    first, colon, last = text.partition(":")
    ends = [(first or "0"), (last or str(count))] if colon else ["0", str(count)] if not text else ["", ""]
    if not all(end.isdecimal() and end.isascii() and len(end) < 10 for end in ends):  # digits
        raise UsageError(f"--layers {text}: expected FIRST:LAST, such as 3:7 for layers 3 to 6 of {count}")
    begin, end = int(ends[0]), int(ends[1])
    if not begin < end <= count:
        raise UsageError(
            f"--layers {text}: the file has layers 0 to {count - 1}; FIRST is below LAST, LAST at most {count}"
        )
    return begin, end


def tasks_of(
    workload: TextWorkload, ranks: int, compute_unit: str, layers: str, gather_size: str, *, overlap: bool
) -> Workload:
    """The tasks of every rank; they are the same but for their groups."""
    if gather_size not in GATHER_SIZES:
        raise UsageError(f"--gather-size {gather_size}: expected one of {', '.join(GATHER_SIZES)}")
    count = len(workload.layers)
    first, last = chosen_layers(layers, count)
    choice = Choice(unit_of(compute_unit), first, last, overlap, gather_size == GATHER_SIZES[0])
    groups = _groups(workload, ranks)
    made: list[tuple[Task, ...]] = []
    inventory = Inventory()
    for rank in range(ranks):
        mine = {
            kind: name for name, members in groups.items() if rank in members for kind in [name.partition(" of ")[0]]
        }
        made.append(_Passes(workload, choice, groups, mine, ranks, inventory).tasks())
    shown = "" if (first, last) == (0, count) else f" of {count}, {first} to {last - 1}"
    notes = [
        f"ASTRA-sim text workload, policy {workload.policy}, {last - first} layers{shown}, on {ranks} ranks",
        *inventory.notes(),
        *([f"ignores on line 1: {', '.join(workload.ignored)}"] if workload.ignored else []),
        f"compute times are in {compute_unit}; input-gradient collectives run "
        + ("beside weight-gradient compute" if overlap else "before weight-gradient compute"),
        f"an all-gather's size is that of {'all blocks' if choice.whole else 'one rank'}",
    ]
    return Workload(tuple(made), groups, tuple(notes))


GATHER_SIZES = ("total", "block")


def _groups(workload: TextWorkload, ranks: int) -> dict[str, tuple[int, ...]]:
    """Model-parallel groups of neighbouring ranks, data-parallel ones of the same place in each."""
    if not workload.policy.startswith("HYBRID"):
        return {}
    size = workload.group
    if size is None:
        raise UsageError(
            f"{workload.file}:1: {workload.policy} needs model_parallel_NPU_group: N; say how many ranks share a layer"
        )
    if ranks % size:
        raise UsageError(
            f"{workload.file}:1: model_parallel_NPU_group is {size}, and the run has {ranks} ranks; use --sips {size} or a "
            "multiple of it"
        )
    groups: dict[str, tuple[int, ...]] = {}
    for begin in range(0, ranks, size):
        groups[f"{MODEL} of {begin}"] = tuple(range(begin, begin + size))
    for begin in range(size):
        groups[f"{DATA} of {begin}"] = tuple(range(begin, ranks, size))
    return groups


class _Passes:
    """Makes the tasks of one rank."""

    def __init__(
        self,
        workload: TextWorkload,
        choice: Choice,
        groups: dict[str, tuple[int, ...]],
        mine: dict[str, str],
        ranks: int,
        inventory: Inventory,
    ) -> None:
        self._workload = workload
        self._choice = choice
        self._groups = groups
        self._mine = mine
        self._ranks = ranks
        self._inventory = inventory
        self._tasks: list[Task] = []
        self._part = ""

    def tasks(self) -> tuple[Task, ...]:
        """All passes over the chosen layers."""
        numbers = range(self._choice.first, self._choice.last)
        after: tuple[int, ...] = ()
        if self._workload.policy == "MICRO":
            for number in numbers:
                self._enter(number, "weight-gradient")
                after = self._communicate(number, "weight-gradient", after)
            return tuple(self._tasks)
        for number in numbers:
            after = self._forward(number, after)
        for number in reversed(numbers):
            after = self._backward(number, self._again(number, after))
        return tuple(self._tasks)

    def _again(self, number: int, after: tuple[int, ...]) -> tuple[int, ...]:
        """Layers since the last checkpoint are computed anew where the file says so."""
        if number in self._workload.initiates:
            kept = [each for each in self._workload.checkpoints if each <= number]
            if not kept:
                raise UsageError(
                    f"{self._workload.file}:1: layer {number} initiates a checkpoint, and none is before it"
                )
            for each in range(max(*kept, self._choice.first), number):
                after = self._forward(each, after)
        return after

    def _enter(self, number: int, which: str) -> None:
        """The tasks from here on are this layer's."""
        self._part = f"layer {number} {self._workload.layers[number].name}, {which}"

    def _forward(self, number: int, after: tuple[int, ...]) -> tuple[int, ...]:
        self._enter(number, "forward")
        return self._communicate(number, "forward", self._compute(number, "forward", after))

    def _backward(self, number: int, after: tuple[int, ...]) -> tuple[int, ...]:
        """Gradients of inputs, then of weights; what comes next waits for the former's collective alone."""
        self._enter(number, "backward")
        computed = self._compute(number, "input-gradient", after)
        reduced = self._communicate(number, "input-gradient", computed)
        weights = self._compute(number, "weight-gradient", computed if self._choice.overlap else reduced)
        self._communicate(number, "weight-gradient", weights)
        return tuple(sorted({*reduced, *weights}))

    def _add(self, task: Task) -> tuple[int, ...]:
        if len(self._tasks) == MOST_TASKS:
            raise UsageError(
                f"{self._workload.file}: more than {MOST_TASKS} tasks a rank; replay some of it with --layers"
            )
        self._tasks.append(task)
        return (len(self._tasks) - 1,)

    def _compute(self, number: int, which: str, after: tuple[int, ...]) -> tuple[int, ...]:
        layer = self._workload.layers[number]
        return self._busy(layer, number, which, layer.passes[which].compute, after)

    def _busy(self, layer: Layer, number: int, which: str, units: int, after: tuple[int, ...]) -> tuple[int, ...]:
        time = units * self._choice.unit
        if time >= MOST_TIME:
            raise UsageError(
                f"{self._workload.file}: layer {number} ({layer.name}): {which} takes {units}, more than an hour; is "
                "--compute-unit right?"
            )
        if not time:
            return after
        self._inventory.take("compute")
        return self._add(Task(f"layer {number} {layer.name}, {which}", COMPUTE, after, time=time, part=self._part))

    def _communicate(self, number: int, which: str, after: tuple[int, ...]) -> tuple[int, ...]:
        """The collective of a pass and the update behind it."""
        layer = self._workload.layers[number]
        part = layer.passes[which]
        if part.collective is None:
            return after
        group, members = self._group(which)
        if not part.size or len(members) == 1:
            self._inventory.ignore(part.collective, "it has 0 bytes" if not part.size else "its group has one rank")
            return after
        self._inventory.take(part.collective)
        size = part.size
        if part.collective == "all_gather" and self._choice.whole:
            size = -(-size // len(members))
        name = f"layer {number} {layer.name}, {which}"
        done = self._add(Task(name, part.collective, after, size, group=group, peer=members[0], part=self._part))
        return self._busy(layer, number, "update", layer.update, done)

    def _group(self, which: str) -> tuple[str, tuple[int, ...]]:
        """The group of a pass's collective: (name, members); "" is all ranks, a group of one where there is none."""
        policy, kind = self._workload.policy, DATA if which == "weight-gradient" else MODEL
        everybody = tuple(range(self._ranks))
        if self._mine:
            name = self._mine[kind]
            return name, self._groups[name]
        alone = (policy == "DATA") != (kind == DATA) and policy in ("DATA", "MODEL")
        return "", everybody[:1] if alone else everybody
