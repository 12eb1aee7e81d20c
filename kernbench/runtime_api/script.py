"""A script: a user's file that runs from top to bottom as the program of rank 0."""

import linecache
import sys
from types import ModuleType, TracebackType

from kernbench.common.errors import RankError, SimulationError
from kernbench.common.user_line import innermost
from kernbench.runtime_api.bench import BenchRef, tree_of
from kernbench.triton_emu.shim import Shim


class Script:
    """Runs a file as Python would: its name is `__main__`, `sys.argv` holds its path, `sys.exit(0)` ends it."""

    def __init__(self, ref: BenchRef, shim: Shim) -> None:
        self._ref = ref
        self._shim = shim

    def run(self) -> None:
        """Run it; what it raises comes out as a RankError at the innermost line that is the user's own."""
        module = ModuleType("__main__")
        module.__file__ = self._ref.file
        code = compile(tree_of(self._ref), self._ref.file, "exec", dont_inherit=True)
        arguments = sys.argv
        sys.argv = [self._ref.file]
        try:
            self._shim.execute(module, code)
        except SystemExit as end:
            if end.code not in (None, 0):
                text = f"the script ended with sys.exit({end.code!r})"
                raise RankError(text, where=self._line(end.__traceback__)) from end
        except SimulationError:
            raise
        except Exception as error:
            line = self._line(error.__traceback__)
            raise RankError(_words(error, line), where=line) from error
        finally:
            sys.argv = arguments

    def _line(self, trace: TracebackType | None) -> str:
        own = innermost(trace, lambda file: file == self._ref.file or file in self._shim.files)
        return own or self._ref.file


def _words(error: Exception, line: str) -> str:
    """The error in words; an assertion that says nothing is told by its source."""
    text = str(error).strip()
    if not text:
        file, _, number = line.rpartition(":")
        linecache.checkcache(file)
        text = linecache.getline(file, int(number)).strip() if number.isdecimal() else ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name
