"""What an actor asks of the device that it owns, and how a job's factory is found by name."""

from collections.abc import Callable
from importlib import import_module, util
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol, cast

from kernbench.common.errors import UsageError
from kernbench.common.messages.fabric import FabricMessage
from kernbench.common.units import Fs
from kernbench.sim_engine.engine import Engine


class Device(Protocol):
    """One SIP: the device that a SipActor steps.

    It appends to `outbox` what leaves it, numbered per destination 0, 1, 2, ...; the actor drains that list.
    `lookahead` is how much later than its cause a message arrives at the earliest (without links: NEVER). An event that recurs for ever would
    keep the run alive for ever: a device that is not `live` runs out of events.
    """

    sip: int
    engine: Engine
    lookahead: Fs
    outbox: list[FabricMessage]

    @property
    def live(self) -> bool:
        """True while something is unfinished: a rank's program, a kernel, a transfer."""

    def start(self) -> None:
        """Begin; called once, at time 0."""

    def receive(self, message: FabricMessage) -> None:
        """Take a message at its arrival, called from inside the engine."""

    def waiters(self) -> list[str]:
        """Who waits on what, one line each."""

    def promise(self) -> Fs:
        """Nothing that this device's own scheduled events cause can leave before this time."""

    def status(self) -> Any:
        """A small struct for whoever looks in between two windows."""

    def finish(self) -> bytes:
        """The SIP's report, encoded; raises AuditError when the books do not balance."""

    def partial(self) -> bytes:
        """The same report of a run that a limit cut short or that failed: nothing is audited."""

    def close(self) -> None:
        """Let go of what still waits: the run is over."""


def build_device(factory: str, payload: bytes, sip: int) -> Device:
    """Call the factory named `module:qualname` or `path/file.py:qualname`."""
    module_name, _, qualname = factory.rpartition(":")
    if not module_name or not qualname:
        raise UsageError(f"device factory {factory!r}: expected module:name or path/file.py:name")
    module = _load_file(module_name) if module_name.endswith(".py") else import_module(module_name)
    try:
        build = cast("Callable[[bytes, int], Device]", attrgetter(qualname)(module))
    except AttributeError as error:
        raise UsageError(f"device factory {factory!r}: {module_name} has no {qualname}") from error
    return build(payload, sip)


def _load_file(path: str) -> Any:
    spec = util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise UsageError(f"device factory: no such file {path!r}")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
