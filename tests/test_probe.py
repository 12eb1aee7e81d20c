"""`kernbench probe`: every nanosecond of the predefined cases has a name and a closed form."""

import json

import msgspec
import pytest

from actors.simulation import Simulation
from kernbench.cli import execute
from kernbench.common.errors import SimulationError
from kernbench.common.units import ns
from kernbench.components.hbm_dram import DramConfig
from kernbench.probing.case import CASES, Variant, variants
from kernbench.probing.contention import contend
from kernbench.probing.facts import Facts
from kernbench.probing.measurement import SINKS, measure
from kernbench.probing.sensitivity import sensitivity
from kernbench.probing.step import Access, Put, resized
from kernbench.probing.sweep import sweep

SMALL = ("sips=2", "sip.cube_mesh=2x2", "sip.cube.pes=2")
KIB = 1024


def machine(*overrides):
    return Simulation(overrides=[*SMALL, *overrides], values=False, sinks=SINKS)


def found(simulation, size, names=tuple(CASES)):
    return variants(Facts(simulation.topology), names, size)[0]


@pytest.fixture(scope="module")
def small():
    return machine()


@pytest.fixture(scope="module")
def measured(small):
    return measure(small, found(small, 20_000))


def test_h2d_latency_monotonic(small):
    """More bytes and more distance take longer, and neither ever less."""
    near, far = (each.step for each in found(small, KIB, ["h2d-write"]))
    sizes = (1, 100, KIB, 1500, 4 * KIB, 64 * KIB)
    plan = [Variant("h2d-write", "", resized(step, size)) for step in (near, far) for size in sizes]
    times = [each.latency for each in measure(small, plan)]
    assert times[: len(sizes)] == sorted(set(times[: len(sizes)]))
    assert times[len(sizes) :] == sorted(set(times[len(sizes) :]))
    assert all(soon < late for soon, late in zip(times[: len(sizes)], times[len(sizes) :], strict=True))


def test_every_case_is_measured_near_and_far(measured):
    assert [each.variant.name for each in measured] == [f"{name} {way}" for name in CASES for way in ("near", "far")]


def test_the_parts_of_every_case_sum_to_its_latency(measured):
    assert [sum(each.parts.values()) for each in measured] == [each.latency for each in measured]


def test_the_legs_of_every_case_follow_each_other_without_a_hole(measured):
    for each in measured:
        ends = [each.start, *(leg.leg.end for leg in each.legs)]
        assert [leg.leg.start for leg in each.legs] == ends[:-1], each.variant.name


def test_the_first_leg_leaves_the_initiator_and_the_last_one_comes_back(measured):
    for each in measured:
        assert each.legs[0].leg.src == each.legs[-1].leg.dst, each.variant.name


def test_the_hops_of_a_route_add_up_to_the_wire_and_the_overhead_of_its_leg(measured):
    for each in measured:
        for leg in (leg for leg in each.legs if leg.passages):
            moving = sum(hop.head - hop.start for hop in leg.passages)
            assert moving == leg.leg.parts["wire"] + leg.leg.parts["overhead"], each.variant.name
            assert leg.passages[-1].tail == leg.leg.end, each.variant.name


@pytest.mark.parametrize(
    ("overrides", "size"),
    [
        ((), 1),
        ((), 70_001),
        (("sips=4", "fabric.kind=switch"), 5000),
        (("sips=4", "fabric.kind=mesh2d", "fabric.bw_gbs=7", "sip.ucie.bw_gbs=33.3"), 70_001),
        (("sip.pcie.bw_gbs=300", "sip.pcie.buffer_bytes=1MiB", "efficiency=0.3"), 5000),
        (("ipcq.slots=2", "ipcq.slot_bytes=3000B"), 70_001),
        (("quantum_bytes=512B", "host.call_ns=2000"), 5000),
    ],
)
def test_a_lone_step_takes_its_closed_form_to_the_femtosecond(overrides, size):
    simulation = machine(*overrides)
    gaps = {each.variant.name: each.latency - each.closed_form for each in measure(simulation, found(simulation, size))}
    assert {name: gap for name, gap in gaps.items() if gap} == {}


def test_a_put_that_runs_out_of_slots_says_so():
    simulation = machine("ipcq.slots=1", "ipcq.slot_bytes=1KiB")
    near = found(simulation, 4 * KIB, ["pe-to-pe-ipcq"])[0]
    assert measure(simulation, [near])[0].parts["no_slot_credit"] > 0


def test_the_bottleneck_of_the_host_is_pcie_and_that_of_a_put_between_sips_the_fabric(measured):
    names = {each.variant.name: each.bottleneck.name for each in measured}
    assert names["h2d-write near"] == "sip0.host->io.pcie_ep"
    assert names["d2h-read far"] == "sip0.io.pcie_ep->host"
    assert names["pe-local-hbm-read near"] == "sip0.cube00.hbm slice 0"
    assert names["cross-sip-put far"] == "sip0->sip1"


def test_a_farther_place_never_takes_less(measured):
    times = [each.latency for each in measured]
    assert [far >= near for near, far in zip(times[::2], times[1::2], strict=True)] == [True] * len(CASES)


def test_two_runs_give_the_same_measurements(small, measured):
    assert measure(small, found(small, 20_000)) == measured


def test_a_step_takes_the_same_alone_as_after_others(small, measured):
    last = measured[-3]
    assert measure(small, [last.variant])[0].latency == last.latency


def test_a_case_that_a_topology_has_no_room_for_is_named_with_the_remedy():
    simulation = Simulation(overrides=["sips=1", "sip.cube_mesh=1x1", "sip.cube.pes=1"], values=False, sinks=SINKS)
    there, missing = variants(Facts(simulation.topology), CASES, KIB)
    assert list(missing) == ["pe-neighbour-cube", "pe-far-cube", "pe-to-pe-ipcq", "cross-sip-put"]
    assert missing["cross-sip-put"] == "there is one SIP; set sips to 2 or more"
    assert len(there) == 12


def test_utilisation_grows_with_size_up_to_saturation(small):
    [near, _] = sweep(small, found(small, KIB, ["pe-local-hbm-read"]), (4 * KIB, 16 * KIB, 64 * KIB))
    used = [point.utilisation for point in near.points]
    assert used == sorted(used)
    assert near.saturated_at == 64 * KIB


def test_a_launch_has_no_sweep(small):
    assert list(sweep(small, found(small, KIB, ["kernel-launch"]))) == []


def test_a_crowd_shares_the_memory_and_waits_for_it(small):
    alone, two, everybody = contend(small, "contention-read", (1, 2))
    assert [crowd.initiators for crowd in (alone, two, everybody)] == [1, 2, 8]
    assert alone.shares == (1.0,)
    assert abs(two.shares[0] - 0.5) < 0.02
    assert [crowd.bandwidth <= crowd.target_bw for crowd in (alone, two, everybody)] == [True] * 3
    assert alone.p50 < two.p50 < everybody.p50 <= everybody.p95 <= everybody.p99 <= everybody.worst
    assert (two.reason, two.place) == ("hbm_busy", "sip0.cube00.hbm")


def test_a_receiver_that_starts_after_its_sender_is_an_error(small, monkeypatch):
    """What rank 0 believes about rank 1 is checked, not trusted."""
    variant = Variant("late", "", Put("sip0.cube00.pe0", "sip1.cube00.pe0", KIB))
    monkeypatch.setattr("kernbench.probing.measurement._run", lambda *_: ([_late_rows()], {}))
    with pytest.raises(SimulationError, match="started 5 fs after its sender"):
        measure(small, [variant])


def _late_rows():
    return {"": {"device": [10, 20], "end_fs": 30}, "sip1.cube00.pe0": {"device": [15, 20]}}


def test_every_bandwidth_and_latency_moves_a_case_or_says_why_not():
    effects = {each.key: each for each in sensitivity(None, ["sips=2", "sip.cube_mesh=2x1", "sip.cube.pes=1"])}
    assert {key for key, each in effects.items() if not each.moved and not each.reason} == set()
    still = {key for key, each in effects.items() if not each.moved}
    banked = {
        f"sip.cube.hbm_ctrl.{field.encode_name}"
        for field in msgspec.structs.fields(DramConfig)
        if field.encode_name.endswith("_ns")
    }
    assert still - banked == {
        "fabric.credit_ns",
        "fabric.switch.overhead_ns",
        "host.call_ns",
        "sip.pcie.credit_ns",
        "sip.io.noc.credit_ns",
        "sip.ucie.credit_ns",
        "sip.cube.noc.credit_ns",
        "sip.cube.pe.pe_cpu.issue_ns",
    }
    assert banked < still  # the packaged memory is in mode simple
    assert effects["sip.pcie.latency_ns"].moved[0].by == 2 * ns(400)


def test_the_document_has_parts_that_sum(capsys):
    arguments = [part for override in SMALL for part in ("--set", override)]
    assert execute(["probe", *arguments, "--case", "pe-far-cube", "--size", "4KiB", "--route", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["status"]["exit"]) == ("kernbench/probe/1", 0)
    assert [each["distance"] for each in document["cases"]] == ["near", "far"]
    for each in document["cases"]:
        assert sum(each["parts_fs"].values()) == each["latency_fs"]
        assert sum(sum(leg["parts_fs"].values()) for leg in each["legs"]) == each["latency_fs"]


def test_the_table_names_case_closed_form_and_bottleneck(capsys):
    arguments = [part for override in SMALL for part in ("--set", override)]
    assert execute(["probe", *arguments, "--case", "kernel-launch"]) == 0
    text = capsys.readouterr().out
    assert "kernel-launch near" in text
    assert "closed form" in text
    assert "sip0.host->io.pcie_ep" in text


def test_the_list_names_every_case(capsys):
    assert execute(["probe", "--list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [*CASES, "contention-read", "contention-write"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--case", "h2d-wirte"], "did you mean 'h2d-write'?"),
        (["--size", "0"], "--size 0: expected 1B to 64MiB"),
        (["--size", ""], "--size : expected a size such as 64KiB"),
        (["--case", "contention-read", "--route"], "--route: contention-read is many requests at once"),
        (["--size", "many"], "--size many: expected a size such as 64KiB"),
        (["--sensitivity", "--route"], "--sensitivity takes all cases"),
    ],
)
def test_a_wrong_option_is_refused_with_the_remedy(arguments, words, capsys):
    assert execute(["probe", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_an_access_of_a_pe_counts_from_its_command_on(measured):
    """What the host's link takes is no part of a PE's own access."""
    local = next(each for each in measured if each.variant.case == "pe-local-hbm-read")
    assert isinstance(local.variant.step, Access)
    assert local.latency < ns(400)
