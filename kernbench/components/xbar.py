"""The crossbar between a cube's routers and its memory controller."""

from kernbench.components.component import Forwarder, Forwarding


class XbarConfig(Forwarding, frozen=True):
    """`overhead_ns`: fixed time to enter it."""


class Xbar(Forwarder):
    """The crossbar between a cube's routers and its memory controller."""

    config: XbarConfig
