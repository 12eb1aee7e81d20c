"""The collectives: what each takes and gives, and how nccl-tests counts its bytes and bandwidth."""

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """One collective among n members.

    `inputs` and `outputs` say whether a member's buffer holds one block or one for each member; a `blocked` message is
    made of blocks. Bus bandwidth is size / time x `bus`(n), as nccl-tests' PERFORMANCE.md has it; the size counts all
    blocks.
    """

    blocked: bool = False
    inputs: str = "one"
    outputs: str = "one"
    reduces: bool = False
    rooted: bool = False
    doubled: bool = False

    def bus(self, n: int) -> tuple[int, int]:
        """The bus factor as a fraction: 2 (n - 1) / n, (n - 1) / n or 1."""
        if self.doubled:
            return 2 * (n - 1), n
        return (n - 1, n) if self.blocked else (1, 1)


KINDS = {
    "all_reduce": Kind(reduces=True, doubled=True),
    "all_gather": Kind(blocked=True, outputs="all"),
    "reduce_scatter": Kind(blocked=True, inputs="all", reduces=True),
    "all_to_all": Kind(blocked=True, inputs="all", outputs="all"),
    "broadcast": Kind(rooted=True),
    "reduce": Kind(reduces=True, rooted=True),
    "gather": Kind(blocked=True, outputs="all", rooted=True),
    "scatter": Kind(blocked=True, inputs="all", rooted=True),
}
"""PERFORMANCE.md of NVIDIA/nccl-tests has the factors and what they mean."""

OPERATIONS = ("sum", "prod", "max", "min", "avg")
