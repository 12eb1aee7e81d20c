"""ASTRA-sim's text workloads: a policy, the number of layers, then a layer a line with twelve fields.

A layer is name, dependency, then compute time, type and bytes of the collective for the forward pass, the gradients of
inputs and those of weights, and last the time of an update.
"""

import msgspec

from kernbench.common.errors import UsageError
from kernbench.runtime_api.workload.content import content_of

FIELDS = (
    "name", "dependency", "forward compute", "forward type", "forward bytes", "input-gradient compute",
    "input-gradient type", "input-gradient bytes", "weight-gradient compute", "weight-gradient type",
    "weight-gradient bytes", "update time",
)  # fmt: skip
PASSES = {"forward": 2, "input-gradient": 5, "weight-gradient": 8}
"""Where the three fields of each pass begin."""
TYPES = {
    "NONE": None,
    "ALLREDUCE": "all_reduce",
    "ALLGATHER": "all_gather",
    "REDUCESCATTER": "reduce_scatter",
    "ALLTOALL": "all_to_all",
    "BROADCAST": "broadcast",
}
POLICIES = ("MICRO", "DATA", "MODEL", "HYBRID_TRANSFORMER", "HYBRID_TRANSFORMER_FWD_IN_BCKWD")
MOST = 2**60
MOST_LAYERS = 10**6
GROUP, CHECKPOINTS, INITIATES = "model_parallel_NPU_group", "checkpoints", "checkpoint_initiates"


class Pass(msgspec.Struct, frozen=True):
    """What a layer does in one pass: `compute` in the file's unit, then the collective (None: no) of `size` bytes."""

    compute: int
    collective: str | None
    size: int


class Layer(msgspec.Struct, frozen=True):
    """A layer's passes by name, and what an update after a collective takes, in the file's unit."""

    name: str
    passes: dict[str, Pass]
    update: int


class TextWorkload(msgspec.Struct, frozen=True):
    """A file: `group` is how many neighbouring ranks share a layer (None: not said).

    Layers of `checkpoints` keep what they were given; before its gradients each of `initiates` has the layers from the
    checkpoint before it computed anew. `ignored` are keys of the first line that mean nothing here.
    """

    file: str
    policy: str
    group: int | None
    checkpoints: tuple[int, ...]
    initiates: tuple[int, ...]
    ignored: tuple[str, ...]
    layers: tuple[Layer, ...]


def read_text(file: str) -> TextWorkload:
    """Read a file; whatever is wrong with it is a UsageError with line and field."""
    text = content_of(file).decode(errors="replace")
    lines = text.split("\n")
    if len(lines) < 2:  # what there is at least
        raise UsageError(f"{file}:1: expected a policy on line 1, the number of layers on line 2 and a layer a line")
    policy, group, lists, ignored = _header(file, lines[0])
    count = _number(f"{file}:2: number of layers", lines[1].strip(), MOST_LAYERS)
    if not count:
        raise UsageError(f"{file}:2: number of layers: 0; a workload has at least 1")
    found = [(number, line) for number, line in enumerate(lines[2:], 3) if line.strip()]
    if len(found) != count:
        raise UsageError(f"{file}:2: it says {count} layers, and {len(found)} follow; is the file cut? correct line 2")
    layers = tuple(_layer(f"{file}:{number}", line) for number, line in found)
    for name, listed in lists.items():
        if any(each >= count for each in listed):
            raise UsageError(f"{file}:1: {name} names layer {max(listed)}; there are 0 to {count - 1}")
    return TextWorkload(file, policy, group, lists[CHECKPOINTS], lists[INITIATES], ignored, layers)


def _header(file: str, line: str) -> tuple[str, int | None, dict[str, tuple[int, ...]], tuple[str, ...]]:
    words = line.split()
    policy = words[0] if words else ""
    if policy not in POLICIES:
        raise UsageError(f"{file}:1: policy {policy!r}; this reader knows {', '.join(POLICIES)}")
    group: int | None = None
    lists: dict[str, tuple[int, ...]] = {CHECKPOINTS: (), INITIATES: ()}
    ignored: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        key, value = word.removesuffix(":"), next(rest, "")
        if not word.endswith(":"):
            raise UsageError(f"{file}:1: {word!r} where a key with a colon is expected, such as {GROUP}: 8")
        if key in lists:
            size = _number(f"{file}:1: {key}", value, MOST_LAYERS)
            listed = [next(rest, "") for _ in range(min(size, len(words)))]
            lists[key] = tuple(_number(f"{file}:1: {key}", each, MOST_LAYERS) for each in listed)
        elif key == GROUP:
            group = _number(f"{file}:1: {key}", value, MOST_LAYERS)
            if not group:
                raise UsageError(f"{file}:1: {key}: 0; a group has at least 1 rank")
        else:
            ignored.append(key)
    return policy, group, lists, tuple(ignored)


def _layer(where: str, line: str) -> Layer:
    fields = line.split()
    if len(fields) != len(FIELDS):
        raise UsageError(f"{where}: {len(fields)} fields, expected {len(FIELDS)}: {', '.join(FIELDS)}")
    passes = {}
    for name, first in PASSES.items():
        compute, kind, size = fields[first : first + 3]
        if kind not in TYPES:
            raise UsageError(
                f"{where}: field {first + 2} ({FIELDS[first + 1]}): {kind!r}; there are {', '.join(TYPES)}"
            )
        passes[name] = Pass(
            _number(f"{where}: field {first + 1} ({FIELDS[first]})", compute),
            TYPES[kind],
            _number(f"{where}: field {first + 3} ({FIELDS[first + 2]})", size),
        )
    return Layer(fields[0], passes, _number(f"{where}: field {len(FIELDS)} ({FIELDS[-1]})", fields[-1]))


def _number(where: str, text: str, most: int = MOST) -> int:
    if text.isdecimal() and text.isascii() and len(text) <= 20 and int(text) < most:  # digits
        return int(text)
    raise UsageError(f"{where}: {text[:40]!r}; expected a whole number from 0 below {most}")
