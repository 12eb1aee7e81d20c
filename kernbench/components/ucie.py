"""A UCIe port: the edge of a chiplet; a crossing passes two of them."""

from kernbench.components.component import Forwarder, Forwarding


class UcieConfig(Forwarding, frozen=True):
    """`overhead_ns`: fixed time to enter it."""


class Ucie(Forwarder):
    """A UCIe port: the edge of a chiplet; a crossing passes two of them."""

    config: UcieConfig
