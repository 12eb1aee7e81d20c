"""What the SIPs of a process share of the topology, so that 64 of them fit: it is what each would have made for itself."""

import msgspec
import pytest

from kernbench.di import ranked_sip
from kernbench.di.ranked_sip import RunSpec
from kernbench.runtime_api.bench import BenchRef
from kernbench.topology.compile import Topology
from kernbench.topology.load import load, packaged_path
from kernbench.topology.package import Package


def topology(kind, sips):
    source = load(packaged_path(), (f"fabric.kind={kind}", "sip.cube_mesh=2x2", f"sips={sips}"))
    return Topology(source, sips)


@pytest.mark.parametrize("kind", ["ring", "full", "switch", "mesh2d"])
def test_a_package_that_shares_its_cubes_is_the_one_made_alone(kind):
    found = topology(kind, 5)
    for package in found.packages:
        ports = tuple(name for name in package.names if name.startswith("io.fabric"))
        alone = Package(found.source.system, ports, kind == "switch")
        for what in ("nodes", "links", "spots", "attached", "names", "numbers"):
            assert getattr(package, what) == getattr(alone, what)


def test_sips_with_other_neighbours_share_the_nodes_of_their_cubes():
    first, second = topology("ring", 5).packages[:2]
    assert (first is second, first.nodes[-1] is second.nodes[-1], first.links[-1] is second.links[-1]) == (
        False,
        True,
        True,
    )


def test_all_sips_of_a_process_have_one_topology(monkeypatch):
    made = []
    monkeypatch.setattr(ranked_sip, "RankedSip", lambda found, *_: made.append(found))
    compiled = topology("ring", 3)
    bench = BenchRef("benches/allreduce.py", "bench")
    payload = msgspec.msgpack.encode(RunSpec(compiled.effective(), bench, {}, (0, 1, 2), 0, values=True))
    for sip in range(3):
        ranked_sip.build(payload, sip)
    assert made == [made[0]] * 3
