"""The cases of `kernbench probe` on random machines: never below the closed form, never slower with more bandwidth, and
exact when everything scales."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.simulation import Simulation
from kernbench.probing.case import CASES, variants
from kernbench.probing.closed_form import RETIREMENT
from kernbench.probing.facts import Facts
from kernbench.probing.measurement import SINKS, latencies, measure
from kernbench.probing.step import Launch

FEW = settings(max_examples=settings().max_examples // 20)
LINKS = (
    "fabric.bw_gbs",
    "sip.pcie.bw_gbs",
    "sip.io.noc.bw_gbs",
    "sip.ucie.bw_gbs",
    "sip.cube.noc.bw_gbs",
    "xbar_to_hbm_bw_gbs",
)
BANDWIDTHS = ("50", "62.5", "100", "125", "250")
"""In GB/s. A byte takes a whole number of fs that each of 2, 4 and 5 divides, after the memory's efficiency of 0.8 too."""


@st.composite
def machines(draw):
    """Two or three SIPs of few cubes; buffers large enough for any of the bandwidths."""
    meshes = st.sampled_from(["1x1", "2x1", "1x2", "2x2"])
    return [
        f"sips={draw(st.integers(2, 3))}",
        f"fabric.kind={draw(st.sampled_from(['ring', 'full', 'switch', 'mesh2d']))}",
        f"sip.cube_mesh={draw(meshes)}",
        f"sip.cube.noc.mesh={draw(meshes)}",
        f"sip.cube.pes={draw(st.integers(1, 2))}",
        f"sip.cube.hbm_ctrl.slices={draw(st.sampled_from([1, 2, 4]))}",
        "fabric.buffer_bytes=1MiB",
        "sip.pcie.buffer_bytes=1MiB",
        *(f"{key}={draw(st.sampled_from(BANDWIDTHS))}" for key in LINKS),
    ]


def simulated(overrides):
    return Simulation(overrides=overrides, values=False, sinks=SINKS)


def cases(simulation, size):
    return variants(Facts(simulation.topology), CASES, size)[0]


@FEW
@given(machines(), st.integers(1, 9000))
def test_no_case_takes_less_than_its_closed_form_and_its_parts_sum(overrides, size):
    simulation = simulated(overrides)
    for each in measure(simulation, cases(simulation, size)):
        assert (each.latency >= each.closed_form, sum(each.parts.values())) == (True, each.latency), each.variant.name


@FEW
@given(machines(), st.sampled_from(LINKS), st.fractions(1, 4, max_denominator=7), st.integers(1, 9000))
def test_no_case_is_slower_when_one_bandwidth_grows(overrides, key, more, size):
    """Alone on the machine: of contending transfers one may well be slower when another comes sooner."""
    before = next(override for override in overrides if override.startswith(key)).partition("=")[2]
    faster = [*overrides, f"{key}={float(before) * float(more):.3f}"]
    times = []
    for given_overrides in (overrides, [*faster, *ROOM]):
        simulation = simulated(given_overrides)
        times.append(latencies(simulation, [each.step for each in cases(simulation, size)]))
    assert [late for soon, late in zip(*times, strict=True) if late > soon] == []


ROOM = ("sip.io.noc.buffer_bytes=64KiB", "sip.ucie.buffer_bytes=64KiB", "sip.cube.noc.buffer_bytes=64KiB",
        "sip.cube.xbar_to_hbm_buffer_bytes=64KiB")  # fmt: skip
"""What the compiler asks for at higher bandwidths; a lone stream that has room gains nothing from more of it."""


@FEW
@given(machines(), st.sampled_from([2, 4, 5]), st.integers(1, 9000))
def test_a_machine_with_all_latencies_divided_and_all_rates_multiplied_by_k_takes_exactly_a_kth(overrides, k, size):
    """But for what no key scales: a launch has one step of 1 fs, from the end of its program to its report."""
    slow = simulated(overrides)
    fast = simulated(scaled(slow.topology, k))
    steps = [each.step for each in cases(slow, size)]
    late, soon = latencies(slow, steps), latencies(fast, steps)
    fixed = [RETIREMENT if isinstance(step, Launch) else 0 for step in steps]
    assert [k * (time - rest) for time, rest in zip(soon, fixed, strict=True)] == [
        time - rest for time, rest in zip(late, fixed, strict=True)
    ]


def scaled(topology, k):
    """Times are divided by k, bandwidths and clocks multiplied."""
    endings = {"_ns": Fraction(1, k), "ns_per_mm": Fraction(1, k), "_gbs": Fraction(k), "_ghz": Fraction(k)}
    overrides = []
    for key, text in topology.effective().items():
        factor = next((factor for ending, factor in endings.items() if key.endswith(ending)), None)
        overrides.append(f"{key}={text if factor is None else plain(Fraction(text) * factor)}")
    return overrides


def plain(value):
    """A decimal without exponent: 12 places of a ns are a millionth of a femtosecond."""
    digits = f"{int(value * 10**12):013d}"
    return f"{digits[:-12]}.{digits[-12:]}"
