"""The compiled topology: named nodes, directed links and the lanes that routes use on them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from kernbench.common.units import BytesPerSecond, Fs


class Node(msgspec.Struct, frozen=True):
    """A piece of hardware of one SIP: `name` without the SIP (`cube05.pe1.dma`), `kind` as written in the YAML.

    `config` holds the YAML values of its section with units already resolved; `key` is that section's dotted path.
    `forwards` tells a node that passes packets on (router, crossbar, UCIe port) from one that consumes them.
    """

    name: str
    kind: str
    key: str
    config: Mapping[str, Any]
    forwards: bool


class Link(msgspec.Struct, frozen=True):
    """One directed link inside a SIP, from node `src` to node `dst` (names without the SIP).

    The head of a packet is at `dst` `wire + overhead` after it starts; `overhead` is the fixed cost of entering `dst`.
    `buffer` is the capacity in bytes of each lane's FIFO at `dst`; freed space is back at `src` after `credit_delay`.
    """

    name: str
    src: str
    dst: str
    bw: BytesPerSecond
    wire: Fs
    overhead: Fs
    credit_delay: Fs
    buffer: int
    key: str


class FabricLink(msgspec.Struct, frozen=True):
    """One directed link between SIPs, from node `src` of SIP `source` to node `dst` of SIP `destination`.

    Links with the same `wire_name` share one transmitter (the uplink to a switch): one packet at a time over all of
    them, credits apart.
    """

    index: int
    name: str
    wire_name: str
    source: int
    destination: int
    src: str
    dst: str
    bw: BytesPerSecond
    latency: Fs
    credit_delay: Fs
    buffer: int


class Hop(msgspec.Struct, frozen=True):
    """One step of a route: the link's name (or, across SIPs, the fabric link's index) and the lane's phase on it."""

    link: str | int
    phase: str
