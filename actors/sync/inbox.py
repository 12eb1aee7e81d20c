"""What other SIPs sent to one SIP: a heap by (arrival, source, sequence), handed over by one event per instant."""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from actors.sync.window import NEVER
from kernbench.common.errors import CausalityError, WorkerError
from kernbench.common.messages.fabric import FabricMessage
from kernbench.common.units import Fs, format_time
from kernbench.sim_engine.engine import INBOUND, Engine


class Inbox:
    """Holds messages until their instant; what a device sees depends on their keys alone, never on when they came.

    Each source numbers its messages to this SIP 0, 1, 2, ...; `received` counts them per source.
    """

    def __init__(self, sip: int, engine: Engine, receive: Callable[[FabricMessage], None]) -> None:
        self._sip = sip
        self._engine = engine
        self._receive = receive
        self._heap: list[tuple[Fs, int, int, FabricMessage]] = []
        self.received: dict[int, int] = {}

    @property
    def earliest(self) -> Fs:
        """The first arrival that has not been handed over, or NEVER."""
        return self._heap[0][0] if self._heap else NEVER

    def accept(self, messages: Iterable[FabricMessage], granted: Fs) -> None:
        """Take messages in the order they were sent; this SIP has already run to `granted` (exclusive)."""
        for message in messages:
            self._check_sequence(message)
            if message.arrival < granted:
                raise CausalityError(
                    f"sip{self._sip}: a message of sip{message.source} arrives at {message.arrival} fs, but sip{self._sip}"
                    f" has already run to {granted} fs ({granted - message.arrival} fs too late); the lookahead of "
                    f"sip{message.source} is larger than a latency or a credit delay of its links",
                    where=f"sip{self._sip}",
                    sim_time_fs=message.arrival,
                )
            heappush(self._heap, (message.arrival, message.source, message.sequence, message))

    def open(self, bound: Fs) -> None:
        """Schedule one delivery event for each distinct arrival before `bound`."""
        heap = self._heap
        while heap and heap[0][0] < bound:
            arrival = heap[0][0]
            batch = []
            while heap and heap[0][0] == arrival:
                batch.append(heappop(heap)[3])
            self._engine.call_at(arrival, self._hand_over, batch, INBOUND)

    def _hand_over(self, batch: list[FabricMessage]) -> None:
        for message in batch:
            self._receive(message)

    def _check_sequence(self, message: FabricMessage) -> None:
        due = self.received.get(message.source, 0)
        if message.sequence != due:
            what = "lost or overtaken" if message.sequence > due else "repeated or late"
            raise WorkerError(
                f"sip{self._sip}: message {message.sequence} of sip{message.source}, arriving at "
                f"{format_time(message.arrival)}, came when {due} was due: a message was {what} on its way; "
                "this is a fault of the transport, not of the model",
                where=f"sip{self._sip}",
                sim_time_fs=message.arrival,
            )
        self.received[message.source] = due + 1
