"""Steps: what a probe asks of the machine, as it travels to the ranks that carry it out."""

from typing import TypeAlias

import msgspec


class Access(msgspec.Struct, frozen=True, tag="access"):
    """`initiator` (`host`, or a PE such as `cube00.pe0`) of SIP 0 reads or writes `size` bytes of one memory slice."""

    initiator: str
    cube: int
    slice: int
    size: int
    write: bool


class Put(msgspec.Struct, frozen=True, tag="put"):
    """PE `sender` sends `size` bytes to PE `receiver` (both with their SIP) over IPCQ, slot by slot."""

    sender: str
    receiver: str
    size: int

    @property
    def queue(self) -> str:
        """The name of the queue between the two."""
        return f"probe.{self.sender}>{self.receiver}"


class Launch(msgspec.Struct, frozen=True, tag="launch"):
    """The host of SIP 0 launches an empty kernel on one PE."""

    pe: str

    @property
    def size(self) -> int:
        """A launch moves descriptors only."""
        return 0


class Crowd(msgspec.Struct, frozen=True, tag="crowd"):
    """PEs of SIP 0 that ask for one memory slice at once: each `requests` times `size` bytes."""

    initiators: tuple[str, ...]
    cube: int
    slice: int
    size: int
    requests: int
    write: bool


Step: TypeAlias = Access | Put | Launch


def sip_of(place: str) -> int:
    """The number of the SIP that a full name begins with."""
    return int(place.partition(".")[0][3:])


def resized(step: Step, size: int) -> Step:
    """The same step with another size; a launch has none."""
    return step if isinstance(step, Launch) else msgspec.structs.replace(step, size=size)


def encode(steps: tuple[Step, ...]) -> str:
    """The steps as text: an argument of a bench."""
    return msgspec.json.encode(steps).decode()


def decode(text: str) -> tuple[Step, ...]:
    """Undo `encode`."""
    return msgspec.json.decode(text, type=tuple[Access | Put | Launch, ...])
