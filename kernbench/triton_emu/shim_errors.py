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


class CompileTimeAssertionFailure(CompilationError):
    """A `tl.static_assert` does not hold."""


class UnsupportedLanguageConstruct(CompilationError):
    """A kernel says what the language does not have."""


class _Told(TritonError):
    """An error of a tool, with what the tool said."""

    def __init__(self, error_message: str | None = None) -> None:
        super().__init__(error_message or "")
        self.error_message = error_message


class PTXASError(_Told):
    """A GPU's assembler refused a kernel."""


class InterpreterError(_Told):
    """A kernel failed in Triton's interpreter."""


class AutotunerError(_Told):
    """No config could be tried."""


NAMES = {each.__name__: each for each in (TritonError, OutOfResources, CompilationError)}
"""What stands in `triton` itself."""
OF_COMPILER = {
    each.__name__: each for each in (CompilationError, CompileTimeAssertionFailure, UnsupportedLanguageConstruct)
}
OF_RUNTIME = {each.__name__: each for each in (OutOfResources, PTXASError, InterpreterError, AutotunerError)}
