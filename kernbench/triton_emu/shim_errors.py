"""Errors by Triton's names, for programs that catch them.

Nothing here raises them: what cannot run stops the run as a KernelError with its line, and `autotune` passes over configs
whose blocks do not fit.
"""

from typing import Any


class TritonError(Exception):
    """The common base."""


class OutOfResources(TritonError):
    """A kernel would need more of a resource, such as shared memory, than there is."""

    def __init__(self, required: Any, limit: Any, name: str) -> None:
        super().__init__(f"out of resource: {name}, required: {required}, limit: {limit}")
        self.required = required
        self.limit = limit
        self.name = name


class CompilationError(TritonError):
    """A kernel does not compile."""


NAMES = {each.__name__: each for each in (TritonError, OutOfResources, CompilationError)}
