"""The PCIe endpoint of a SIP: where the host's packets enter the IO chiplet."""

from kernbench.components.component import Forwarder, Forwarding


class PcieEpConfig(Forwarding, frozen=True):
    """`overhead_ns`: fixed time to enter it."""


class PcieEp(Forwarder):
    """The PCIe endpoint of a SIP: where the host's packets enter the IO chiplet."""

    config: PcieEpConfig
