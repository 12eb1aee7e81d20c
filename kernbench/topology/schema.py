"""The sections of a topology that the compiler itself reads; every default stands in the packaged topology.yaml."""

from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from kernbench.common.units import BytesPerSecond, Fs
from kernbench.policy.routing import Mesh
from kernbench.topology.quantity import Value

Count: TypeAlias = Annotated[int, Meta(ge=1, le=64)]
Buffer: TypeAlias = Annotated[int, Meta(ge=1, le=2**40)]


class Component(Struct, frozen=True):
    """A section with a `kind`: a part that somebody else builds; its keys are read by that part alone."""

    kind: str
    key: str
    config: dict[str, Value]

    @property
    def overhead(self) -> Fs:
        """The fixed cost of entering the part."""
        value = self.config.get("overhead_ns", 0)
        assert isinstance(value, int)
        return value


class Wire(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters that all links of a section share."""

    bw: BytesPerSecond = field(name="bw_gbs")
    length: Fraction = field(name="length_mm")
    credit_delay: Fs = field(name="credit_ns")
    buffer: Buffer = field(name="buffer_bytes")


class Reach(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters of a link that leaves the package: its latency is given, not computed from a length."""

    bw: BytesPerSecond = field(name="bw_gbs")
    latency: Fs = field(name="latency_ns")
    credit_delay: Fs = field(name="credit_ns")
    buffer: Buffer = field(name="buffer_bytes")


class LinkOverride(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is different about one link of the fabric."""

    bw: BytesPerSecond | None = field(name="bw_gbs", default=None)
    latency: Fs | None = field(name="latency_ns", default=None)
    credit_delay: Fs | None = field(name="credit_ns", default=None)
    buffer: Buffer | None = field(name="buffer_bytes", default=None)


class Fabric(Reach, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The network between SIPs."""

    kind: Literal["ring", "full", "switch", "mesh2d"]
    switch: Component
    links: dict[str, LinkOverride] = {}


class RoutedPort(Wire, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A forwarding part and the links between such parts: the IO router, a UCIe port."""

    part: Component


class CubeNoc(RoutedPort, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The mesh of routers of a cube."""

    mesh: Mesh


class Io(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The IO chiplet."""

    pcie_ep: Component
    io_cpu: Component
    noc: RoutedPort
    fabric_port: Component


class Pe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A processing element; every part is built by its own kind."""

    pe_cpu: Component
    pe_scheduler: Component
    pe_dma: Component
    pe_gemm: Component
    pe_math: Component
    pe_tcm: Component
    ipcq: Component


class Cube(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A compute chiplet with its HBM stack."""

    noc: CubeNoc
    m_cpu: Component
    xbar: Component
    xbar_to_hbm_bw: BytesPerSecond = field(name="xbar_to_hbm_bw_gbs")
    xbar_to_hbm_buffer: Buffer = field(name="xbar_to_hbm_buffer_bytes")
    hbm_ctrl: Component
    pes: Count
    pe: Pe


class Sip(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One package: an IO chiplet and a mesh of cubes."""

    cube_mesh: Mesh
    pcie: Reach
    io: Io
    ucie: RoutedPort
    cube: Cube


class System(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole topology."""

    sips: Count
    ns_per_mm: Annotated[Fraction, Meta(ge=0, le=1000)]
    quantum: Annotated[int, Meta(ge=32, le=2**20)] = field(name="quantum_bytes")
    fabric: Fabric
    host: Component
    sip: Sip
