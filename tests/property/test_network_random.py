"""Random traffic on the bare networks of random machines: never early, nothing lost, exact when everything scales.

Ports stand in the place of hosts, CPUs, DMAs and memories, so only links, routers, crossbars, UCIe and fabric ports
are at work. Buffers hold one quantum: less than the compiler asks for, since a throttled link is slow but no deadlock.
"""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kernbench.common.units import FS_PER_S, ns, transfer_time
from kernbench.di.catalog import configure, resolve
from kernbench.di.network import SipNetwork
from kernbench.probing.facts import Facts
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.packet import MessageClass
from kernbench.topology.compile import Topology
from kernbench.topology.deadlock import channel_graph
from kernbench.topology.load import load, packaged_path

QUANTUM = 1024
SOME = settings(max_examples=settings().max_examples // 4)
END = ns(10**9)
KINDS = (MessageClass.REQUEST, MessageClass.RESPONSE, MessageClass.IPCQ, MessageClass.CONTROL)
BANDWIDTHS = ("50", "62.5", "100", "125", "250")
"""In GB/s. A byte takes 20000, 16000, 10000, 8000, 4000 fs: all divisible by each of `DIVISORS`."""
DIVISORS = (2, 4, 5)


class Outbox:
    """What a SIP posts is handed over at its arrival; all SIPs share one engine."""

    def __init__(self, engine, networks):
        self.engine, self.networks = engine, networks

    def append(self, message):
        self.engine.call_at(message.arrival, self.networks[message.destination].receive, message)


class Words(str):
    """A payload that no part knows."""

    __slots__ = ()


class Machine:
    """The networks of a topology with a port at each end of a route."""

    def __init__(self, topology):
        self.topology = topology
        self.engine = Engine()
        self.arrivals = {}
        self.networks = []
        self.ports = {}
        for sip in range(topology.sips):
            network = SipNetwork(self.engine, Journal(), topology, sip)
            network.outbox = Outbox(self.engine, self.networks)
            self.networks.append(network)
            self._build(network, sip)

    def _build(self, network, sip):
        package = self.topology.packages[sip]
        for node in self.topology.nodes(sip):
            if node.forwards:
                part = resolve(node.kind)[0](
                    f"sip{sip}.{node.name}", configure(node, self.topology.source), self.engine
                )
                network.add_forwarder(node.name, part)
            elif node.name in package.attached:
                port = self.ports[f"sip{sip}.{node.name}"] = network.add_port(node.name)
                port.on(Words, self.arrived)

    def arrived(self, words, packet):
        assert packet.tail == self.engine.now
        self.arrivals[words] = packet.tail

    def run(self, messages):
        """Send (time, source, destination, class, bytes) and run to the end; when each message arrived."""
        for number, (time, src, dst, kind, size) in enumerate(messages):
            self.engine.call_at(time, self.send, (src, dst, kind, size, Words(number)))
        self.engine.advance(END)
        return [self.arrivals.get(str(number)) for number in range(len(messages))]

    def send(self, message):
        src, dst, kind, size, words = message
        self.ports[src].send(dst, kind, size, words)

    @property
    def links(self):
        return [link for network in self.networks for link in (*network.links.values(), *network.transmitters.values())]

    def unbalanced(self):
        """Links whose bytes in are not their bytes out; those between SIPs are booked at each end."""
        balance = {}
        for link in [*self.links, *(link for network in self.networks for link in network.receivers.values())]:
            balance[link.name] = balance.get(link.name, 0) + link.bytes_in - link.bytes_out
        return {name: left for name, left in balance.items() if left}

    def complaints(self):
        return [line for network in self.networks for line in network.audit()]


@st.composite
def machines(draw):
    """Small meshes, any fabric, unequal links."""
    meshes = st.sampled_from(["1x1", "2x1", "1x2", "2x2", "3x1"])
    buffers = ("fabric", "sip.pcie", "sip.io.noc", "sip.ucie", "sip.cube.noc")
    bandwidths = [*(f"{link}.bw_gbs" for link in buffers), "sip.cube.xbar_to_hbm_bw_gbs"]
    return (
        f"sips={draw(st.integers(1, 4))}",
        f"fabric.kind={draw(st.sampled_from(['ring', 'full', 'switch', 'mesh2d']))}",
        f"sip.cube_mesh={draw(meshes)}",
        f"sip.cube.noc.mesh={draw(meshes)}",
        f"sip.cube.pes={draw(st.integers(1, 3))}",
        f"fabric.latency_ns={draw(st.sampled_from([1, 37, 500]))}",
        f"sip.ucie.overhead_ns={draw(st.sampled_from([1, 8]))}",
        f"quantum_bytes={QUANTUM}B",
        *(f"{link}.buffer_bytes={QUANTUM}B" for link in buffers),
        f"sip.cube.xbar_to_hbm_buffer_bytes={QUANTUM}B",
        *(f"{key}={draw(st.sampled_from(BANDWIDTHS))}" for key in bandwidths),
    )


def compiled(overrides):
    """Without the checks: the buffers are smaller than they allow."""
    source = load(packaged_path(), overrides)
    return Topology(source, source.system.sips)


def places(topology):
    return [
        f"sip{sip}.{node.name}"
        for sip in range(topology.sips)
        for node in topology.nodes(sip)
        if node.name in topology.packages[sip].attached and not node.forwards
    ]


@st.composite
def traffic(draw, topology):
    """Messages between any two ends, of any class; all at once or over a microsecond, whole nanoseconds apart."""
    ends = st.sampled_from(places(topology))
    times = st.integers(0, draw(st.sampled_from([0, 20, 1000])))
    message = st.tuples(times, ends, ends, st.sampled_from(KINDS), st.integers(1, 5000))
    found = draw(st.lists(message, min_size=1, max_size=40))
    return [(ns(time), src, dst, kind, size) for time, src, dst, kind, size in found if src != dst]


@SOME
@given(machines(), st.data())
def test_every_message_arrives_not_before_its_zero_load_latency_and_every_byte_that_goes_in_comes_out(overrides, data):
    topology = compiled(overrides)
    messages = data.draw(traffic(topology))
    machine, facts = Machine(topology), Facts(topology)
    arrivals = machine.run(messages)
    early = []
    for (time, src, dst, _, size), arrival in zip(messages, arrivals, strict=True):
        way = facts.way(src, dst)
        assert arrival is not None, f"{size} bytes from {src} to {dst} got lost"
        if arrival < time + way.latency + transfer_time(size, way.slowest.bw):
            early.append((src, dst))
    assert (early, machine.complaints()) == ([], [])
    assert machine.unbalanced() == {}


@SOME
@given(machines(), st.data())
def test_a_lone_message_takes_its_zero_load_latency_to_the_femtosecond(overrides, data):
    """With the buffers of the packaged topology: it never waits for room."""
    topology = compiled([override for override in overrides if "buffer" not in override])
    src, dst = data.draw(st.tuples(*[st.sampled_from(places(topology))] * 2).filter(lambda ends: ends[0] != ends[1]))
    size = data.draw(st.integers(1, QUANTUM))
    way = Facts(topology).way(src, dst)
    [arrival] = Machine(topology).run([(0, src, dst, MessageClass.IPCQ, size)])
    assert arrival == way.latency + transfer_time(size, way.slowest.bw)


@SOME
@given(machines(), st.sampled_from(DIVISORS), st.data())
def test_all_latencies_divided_and_all_bandwidths_multiplied_by_k_divide_every_time_by_k_under_contention(
    overrides, k, data
):
    topology = compiled(overrides)
    messages = data.draw(traffic(topology))
    sooner = [(time // k, *rest) for time, *rest in messages]
    slow, fast = Machine(topology), Machine(compiled(scaled(topology, k)))
    assert [k * time for time in fast.run(sooner)] == slow.run(messages)
    assert [k * link.busy for link in fast.links] == [link.busy for link in slow.links]
    assert [k * link.head_sum for link in fast.links] == [link.head_sum for link in slow.links]


def scaled(topology, k):
    """The same machine with every latency divided and every bandwidth multiplied."""
    return [
        f"{key}={plain(Fraction(text) * (k if key.endswith('_gbs') else Fraction(1, k)))}"
        if key.endswith(("_ns", "_gbs", "ns_per_mm"))
        else f"{key}={text}"
        for key, text in topology.effective().items()
    ]


def plain(value):
    """A decimal without exponent: 12 places are a millionth of a femtosecond."""
    digits = f"{int(value * 10**12):013d}"
    return f"{digits[:-12]}.{digits[-12:]}"


@settings(max_examples=settings().max_examples // 12)
@given(machines())
def test_where_no_circle_is_proved_everybody_to_everybody_at_once_ends(overrides):
    """The proof of the compiler and a run agree, with room for one packet in each buffer."""
    topology = compiled(overrides)
    assert channel_graph(topology).cycle() == []
    ends = places(topology)
    inside = [(0, src, dst, kind, 2 * QUANTUM) for src in ends for dst in ends for kind in KINDS[:2]
              if src != dst and src.split(".")[0] == dst.split(".")[0] == "sip0"]  # fmt: skip
    dmas = [end for end in ends if end.endswith(".dma")]
    across = [(0, src, dst, MessageClass.IPCQ, 2 * QUANTUM) for src in dmas for dst in dmas if src != dst]
    machine = Machine(topology)
    arrivals = machine.run(inside[:: 1 + len(inside) // 400] + across[:: 1 + len(across) // 400])
    assert (None in arrivals, machine.complaints()) == (False, [])


def test_the_bandwidths_drawn_make_a_byte_take_a_time_that_every_divisor_divides():
    bytes_per_s = [int(Fraction(text) * 10**9) for text in BANDWIDTHS]
    assert [FS_PER_S % (bw * k) for bw in bytes_per_s for k in DIVISORS] == [0] * 15
