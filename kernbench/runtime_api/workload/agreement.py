"""Whether ranks agree: the same collectives in the same order, and a receive for every send."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from kernbench.common.errors import UsageError
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.workload.task import BARRIER, RECEIVE, SEND, Task


def check_agreement(source: str, ranks: Sequence[Sequence[Task]], groups: Mapping[str, Sequence[int]]) -> None:
    """Refuse what would hang; `source` names the files."""
    by_group: list[dict[str, list[Task]]] = [{} for _ in ranks]
    for tasks, found in zip(ranks, by_group, strict=True):
        for task in tasks:
            if task.action in KINDS or task.action == BARRIER:
                found.setdefault(task.group, []).append(task)
    for group, members in {"": range(len(ranks)), **groups}.items():
        calls = {rank: by_group[rank].get(group, []) for rank in members}
        first = members[0]
        for rank in members[1:]:
            for number, (one, other) in enumerate(zip_longest(calls[first], calls[rank])):
                if _call(one) != _call(other):
                    raise UsageError(
                        f"{source}: ranks {first} and {rank} do not agree on collective {number} of "
                        f"{f'group {group}' if group else 'all ranks'}: {_words(one)} on rank {first}, {_words(other)} on "
                        f"rank {rank}; all ranks of a group have the same ones in the same order: export the files of one run"
                    )
    _check_messages(source, ranks)


def _check_messages(source: str, ranks: Sequence[Sequence[Task]]) -> None:
    sent: dict[tuple[int, int], list[Task]] = {}
    received: dict[tuple[int, int], list[Task]] = {}
    for rank, tasks in enumerate(ranks):
        for task in tasks:
            if task.action == SEND:
                sent.setdefault((rank, task.peer), []).append(task)
            elif task.action == RECEIVE:
                received.setdefault((task.peer, rank), []).append(task)
    for src, dst in sorted({*sent, *received}):
        pairs = zip_longest(sent.get((src, dst), ()), received.get((src, dst), ()))
        for number, (one, other) in enumerate(pairs):
            if one is None or other is None or (one.size, one.tag) != (other.size, other.tag):
                raise UsageError(
                    f"{source}: message {number} from rank {src} to rank {dst}: {_words(one)} on rank {src}, {_words(other)} "
                    f"on rank {dst}; what a rank sends is received in the same order, with the same size and tag"
                )


def _call(task: Task | None) -> tuple[str, int, int] | None:
    return None if task is None else (task.action, task.size, task.peer)


def _words(task: Task | None) -> str:
    if task is None:
        return "none"
    tag = f" with tag {task.tag}" if task.tag else ""
    return f"{task.action} of {task.size} bytes{tag} ({task.name})"
