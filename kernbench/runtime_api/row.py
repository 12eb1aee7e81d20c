"""A row of a bench: what one rank measured for one size or shape, and the tensors that hold its result."""

from typing import Any

from kernbench.common.units import Fs
from kernbench.runtime_api.tensor import Tensor


class Row:
    """`columns` are the same on every rank; `start` and `end` (fs) bound this rank's part on its device.

    `launch` is what host and control add around it, `queued` the queueing on its critical path, `overlap` the engines'
    busy time minus its union (all fs).

    `results` are hashed into the digest of values and are what `verify` looks at; `inputs` are what it compares with.
    """

    def __init__(
        self,
        columns: dict[str, Any],
        start: Fs,
        end: Fs,
        *,
        launch: Fs = 0,
        queued: Fs = 0,
        overlap: Fs = 0,
        results: tuple[Tensor, ...] = (),
        inputs: tuple[Tensor, ...] = (),
    ) -> None:
        self.columns = columns
        self.start = start
        self.end = end
        self.launch = launch
        self.queued = queued
        self.overlap = overlap
        self.results = results
        self.inputs = inputs
