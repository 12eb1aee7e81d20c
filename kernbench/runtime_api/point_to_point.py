"""`torch.distributed` from rank to rank: send, receive, and batches of both."""

from collections.abc import Callable, Iterable, Sequence

from kernbench.common.errors import UsageError
from kernbench.runtime_api.caller import caller
from kernbench.runtime_api.membership import AnyGroup, Membership, NonMember
from kernbench.runtime_api.pairs import Pairs
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.torch_mirror import TorchMirror
from kernbench.runtime_api.torch_tensors import takes_torch
from kernbench.runtime_api.work import Work, done


class PeerOperation:
    """One message of a batch, torch's P2POp: `op` is `dist.isend` or `dist.irecv`, `peer` the other rank's number in the world."""

    def __init__(
        self, op: Callable[..., Work], tensor: Tensor, peer: int, group: AnyGroup = None, tag: int = 0
    ) -> None:
        name = getattr(op, "__name__", repr(op))
        if name not in ("isend", "irecv"):
            raise UsageError(f"P2POp: op is dist.isend or dist.irecv, got {name}")
        self.op = op
        self.tensor = tensor
        self.peer = peer
        self.group = group
        self.tag = tag


class PointToPoint(Membership):
    """Messages of one rank. Peers are numbered as in the world; a group says who may talk.

    As with nccl a `tag` tells no messages apart: the n-th send from a rank to another is received by the n-th receive.
    """

    P2POp = PeerOperation

    def __init__(self, rank: Rank) -> None:
        super().__init__(rank)
        self._pairs = Pairs(rank)
        self.mirror = TorchMirror(rank)

    @takes_torch
    def send(self, tensor: Tensor, dst: int, group: AnyGroup = None, tag: int = 0) -> Work:
        """Return when the last byte has left; what does not fit the queue's slots waits for the receiver."""
        with self._rank.phase("send"):
            work = self.isend(tensor, dst, group, tag)
            work.wait()
        return work

    @takes_torch
    def recv(self, tensor: Tensor, src: int, group: AnyGroup = None, tag: int = 0) -> Work:
        """Return when the tensor of the same size from rank `src` is in memory."""
        with self._rank.phase("recv"):
            work = self.irecv(tensor, src, group, tag)
            work.wait()
        return work

    @takes_torch
    def isend(self, tensor: Tensor, dst: int, group: AnyGroup = None, tag: int = 0) -> Work:
        """Begin to send."""
        del tag
        return done(self._rank) if self._outside(group, dst, "send") else self._pairs.send(tensor, dst, caller())

    @takes_torch
    def irecv(self, tensor: Tensor, src: int, group: AnyGroup = None, tag: int = 0) -> Work:
        """Begin to receive."""
        del tag
        return done(self._rank) if self._outside(group, src, "recv") else self._pairs.receive(tensor, src, caller())

    def _outside(self, group: AnyGroup, peer: int, what: str) -> bool:
        if isinstance(group, NonMember):
            return True
        team = self._group(group, what)
        if group is not None:
            team.index(peer, what)
        return False

    def batch_isend_irecv(self, p2p_op_list: Sequence[PeerOperation]) -> list[Work]:
        """Begin all messages, in order; a Work for each. Sends and receives do not wait for each other."""
        if not p2p_op_list or not all(isinstance(each, PeerOperation) for each in p2p_op_list):
            raise UsageError(f"batch_isend_irecv: expected a list of P2POp, got {p2p_op_list!r}")
        return [each.op(each.tensor, each.peer, each.group, each.tag) for each in p2p_op_list]

    def prepare_pairs(self, dst: int, src: int) -> None:
        """Open the queues to a rank and from one now, so that the first messages need not."""
        self._pairs.prepare((dst,), (src,))

    def open_pairs(self, dsts: Iterable[int], srcs: Iterable[int]) -> None:
        """The same for any number of ranks."""
        self._pairs.prepare(dsts, srcs)
