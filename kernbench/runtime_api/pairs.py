"""Messages between two ranks: a queue for each ordered pair that talks, opened by the first message."""

from collections.abc import Iterable

from kernbench.common.completion import RequestHandle
from kernbench.common.errors import UsageError
from kernbench.common.messages.host import KernelLaunchMsg, QueueConnectMsg
from kernbench.runtime_api.collectives.layout import SlotShape, slot_shape
from kernbench.runtime_api.collectives.point import receive_tensor, send_tensor
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.work import Work
from kernbench.triton_emu.launch import Launch


class Pairs:
    """One rank's side. Sends leave from the last PE but one of the first cube, receives end at its last PE.

    So neither waits behind the other. The n-th send from a rank to another is received by the n-th receive; their sizes and types agree.
    """

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self._opening: dict[str, RequestHandle] = {}
        self._counts: dict[str, int] = {}

    def send(self, tensor: Tensor, dst: int, caller: str) -> Work:
        """Begin to send a tensor."""
        queue = self._name(self._rank.index, dst, "send")
        self._open_out(queue, dst)
        piece = self._piece(tensor, self._shape())
        launch = send_tensor.launch((1,), _whole(tensor, "send"), tensor.numel(), piece)
        return self._launch(launch, queue, tensor, self._sender(), f"send to rank {dst}", caller)

    def receive(self, tensor: Tensor, src: int, caller: str) -> Work:
        """Begin to receive a tensor."""
        queue = self._name(src, self._rank.index, "recv")
        self._open_in(queue, src)
        piece = self._piece(tensor, self._shape())
        launch = receive_tensor.launch((1,), _whole(tensor, "recv"), tensor.numel(), tensor.dtype, piece)
        return self._launch(launch, queue, tensor, self._receiver(), f"recv from rank {src}", caller)

    def _open_out(self, queue: str, dst: int) -> None:
        peer = {queue: self._rank.endpoint(dst, self._receiver())}
        self._open(QueueConnectMsg(self._sender(), {}, peer, what=f"a queue to rank {dst}"), queue)

    def _open_in(self, queue: str, src: int) -> None:
        shape, peer = self._shape(), {queue: self._rank.endpoint(src, self._sender())}
        what = f"a queue from rank {src}"
        self._open(QueueConnectMsg(self._receiver(), peer, {}, shape.slots, shape.slot_bytes, what), queue)

    def way(self) -> tuple[str, str]:
        """The endpoints of the way to the next rank."""
        rank = self._rank
        return rank.endpoint(rank.index, self._sender()), rank.endpoint((rank.index + 1) % rank.world, self._receiver())

    def _sender(self) -> str:
        near = self._near()
        return near[-2 % len(near)]

    def _receiver(self) -> str:
        return self._near()[-1]

    def _near(self) -> list[str]:
        cube = self._rank.pes[0].partition(".")[0]
        return [pe for pe in self._rank.pes if pe.partition(".")[0] == cube]

    def prepare(self, dsts: Iterable[int], srcs: Iterable[int]) -> None:
        """Open the queues to some ranks and from some now, so that the first messages need not."""
        out = {self._name(self._rank.index, dst, "send"): dst for dst in dsts}
        back = {self._name(src, self._rank.index, "recv"): src for src in srcs}
        for queue, dst in out.items():
            self._open_out(queue, dst)
        for queue, src in back.items():
            self._open_in(queue, src)
        for queue in (*out, *back):
            self._rank.wait(self._opening[queue])

    def _shape(self) -> SlotShape:
        return slot_shape(self._rank.machine, self._rank.world - 1)

    def _piece(self, tensor: Tensor, shape: SlotShape) -> int:
        return min(max(shape.slot_bytes // tensor.element_size(), 1), 1 << (tensor.numel() - 1).bit_length())

    def _name(self, src: int, dst: int, what: str) -> str:
        peer = dst if src == self._rank.index else src
        if not 0 <= peer < self._rank.world or peer == self._rank.index:
            raise UsageError(f"{what}: rank {self._rank.index} of {self._rank.world} has no peer {peer}")
        return f"pair.{src}>{dst}"

    def _open(self, message: QueueConnectMsg, queue: str) -> None:
        if queue not in self._opening:
            self._opening[queue] = self._rank.submit(message)

    def _launch(self, launch: Launch, queue: str, tensor: Tensor, pe: str, what: str, caller: str) -> Work:
        number = self._counts[queue] = self._counts.get(queue, 0) + 1
        text = f"{tensor.numel()} x {tensor.dtype}"
        launch.connect({"peer": queue}, f"message {number} of {text}, called by rank {self._rank.index} at {caller}")
        said = f"{what} ({text}) number {number}, called by rank {self._rank.index} at {caller}"
        return Work(self._rank, self._rank.submit(KernelLaunchMsg(launch, (pe,), said)))


def _whole(tensor: Tensor, what: str) -> Tensor:
    if not tensor.is_contiguous() or not tensor.numel():
        raise UsageError(f"{what}: the tensor must be contiguous and not empty; use .contiguous()")
    return tensor
