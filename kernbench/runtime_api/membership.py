"""Who is in a process group, in torch's terms: the world, members, and what a rank outside has of a group."""

from typing import TypeAlias

from kernbench.common.errors import UsageError
from kernbench.runtime_api.group import Group
from kernbench.runtime_api.rank import Rank


class NonMember:
    """What `new_group` gives a rank that is not in the group: collectives of it do nothing on this rank."""

    def __repr__(self) -> str:
        return "GroupMember.NON_GROUP_MEMBER"


NON_GROUP_MEMBER = NonMember()

AnyGroup: TypeAlias = Group | NonMember | None
"""What a call takes: None is the world."""


class GroupMember:
    """torch's names of the group of all ranks and of no group."""

    NON_GROUP_MEMBER = NON_GROUP_MEMBER

    def __init__(self, membership: "Membership") -> None:
        self._membership = membership

    @property
    def WORLD(self) -> Group | None:  # noqa: N802  # torch's name
        """The group of all ranks, None before `init_process_group`."""
        return self._membership.default


class Membership:
    """The part of `torch.distributed` that asks who is where; `default` is the group of all ranks."""

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self.default: Group | None = None
        self._backend = "nccl"
        self.group = self.GroupMember = GroupMember(self)

    @property
    def world(self) -> Group:
        """The group of all ranks."""
        return self._group(None, "world")

    def is_initialized(self) -> bool:
        """Whether there is a group of all ranks."""
        return self.default is not None

    def is_available(self) -> bool:
        """Always; so is each backend, since the fabric moves the bytes under any name."""
        return True

    is_nccl_available = is_gloo_available = is_mpi_available = is_available

    def get_backend(self, group: AnyGroup = None) -> str:
        """The name of the backend that `init_process_group` was given, "nccl" if none: the fabric whatever the name."""
        self._group(group, "get_backend")
        return self._backend

    def get_rank(self, group: AnyGroup = None) -> int:
        """Number of this rank (within a group), -1 outside of it."""
        if isinstance(group, NonMember):
            return -1
        return self._rank.index if group is None else group.rank

    def get_world_size(self, group: AnyGroup = None) -> int:
        """How many ranks there are (in a group), -1 outside of it."""
        if isinstance(group, NonMember):
            return -1
        return self._rank.world if group is None else group.size

    def get_process_group_ranks(self, group: AnyGroup) -> list[int]:
        """The ranks of a group as the world numbers them."""
        return [*self._group(group, "get_process_group_ranks").ranks]

    def get_global_rank(self, group: AnyGroup, group_rank: int) -> int:
        """The number in the world of a group's rank."""
        ranks = self._group(group, "get_global_rank").ranks
        if not 0 <= group_rank < len(ranks):
            raise UsageError(f"get_global_rank: the group has the ranks 0 to {len(ranks) - 1}, got {group_rank}")
        return ranks[group_rank]

    def get_group_rank(self, group: AnyGroup, global_rank: int) -> int:
        """The number in a group of a rank of the world."""
        return self._group(group, "get_group_rank").index(global_rank, "get_group_rank")

    def _group(self, group: AnyGroup, what: str) -> Group:
        found = self.default if group is None else group
        if found is None:
            raise UsageError(f"{what}: call init_process_group first")
        if isinstance(found, NonMember):
            raise UsageError(f"{what}: rank {self._rank.index} is not in this group; ask on its ranks only")
        return found
