"""A router of a network on chip: XY is in the route, contention is on its outgoing links."""

from kernbench.components.component import Forwarder, Forwarding


class RouterConfig(Forwarding, frozen=True):
    """`overhead_ns`: fixed time to enter it."""


class Router(Forwarder):
    """A router of a network on chip: XY is in the route, contention is on its outgoing links."""

    config: RouterConfig
