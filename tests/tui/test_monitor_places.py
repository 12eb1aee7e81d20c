"""What the overview shows of machines that are no ring of square packages."""

import asyncio
import re

import pytest

from kernbench.telemetry.reader import RunReader
from tui.plan import Plan
from tui.screenshots import shoot
from tui.store import Store


def recorded(directory, *machine, sips=2):
    """A small run of so many SIPs of this machine."""
    from actors.simulation import Simulation
    from kernbench.common.messages.recording import Recording

    overrides = ["sip.cube.pes=1", *machine]
    Simulation(sips=sips, overrides=overrides, telemetry=Recording(str(directory))).run("allreduce", sizes="64KiB")
    return RunReader(directory)


@pytest.fixture(scope="module")
def switched(tmp_path_factory):
    """Two SIPs with a switch between them."""
    return recorded(tmp_path_factory.mktemp("run"), "sip.cube_mesh=3x1", "fabric.kind=switch")


def test_links_between_cubes_one_below_the_other_are_drawn_there(tmp_path):
    text = asyncio.run(shoot(recorded(tmp_path, "sip.cube_mesh=1x3"), (120, 40), ("1",)))[1]
    below = [line for line in text.splitlines() if re.search(r"↓. +\d+↑. +\d+", line)]
    assert len(below) == 2, text


def test_links_to_and_from_a_switch_are_shown_and_count_as_fabric(switched):
    text = asyncio.run(shoot(switched, (120, 40), ("1",)))[1]
    titles = re.findall(r"SIP\d [\d.]+ GB/s →switch. *\d+ ←switch. *\d+ pcie", text)
    assert len(titles) == 2, text
    assert {link.name for link in switched.layout.links if link.kind == "fabric"} == {
        f"sip{sip}{link}" for sip in range(2) for link in ("->switch", ".switch->io.fabric0")
    }


def test_what_goes_to_a_switch_is_what_a_sip_sends(switched):
    store = Store(Plan(switched.layout))
    store.apply(switched.frames())
    (up,) = (n for n, link in enumerate(switched.layout.links) if link.name == "sip0->switch")
    assert store.fabric_rate(0) == store.gbs(up) > 0


def test_all_links_of_a_sip_are_in_its_title_without_digits_where_those_have_no_room(tmp_path):
    run = recorded(tmp_path, "sip.cube_mesh=2x1", "fabric.kind=full", sips=8)
    text = asyncio.run(shoot(run, (160, 50), ("1",)))[1]
    for sip in range(8):
        others = "".join(f"→{other}." for other in range(8) if other != sip)
        assert re.search(rf"SIP{sip} [\d.]+ GB/s {others}", text), text


def test_as_many_links_as_have_room_are_in_a_title_that_has_none_for_all(tmp_path):
    run = recorded(tmp_path, "sip.cube_mesh=2x1", "fabric.kind=full", sips=16)
    text = asyncio.run(shoot(run, (160, 50), ("1",)))[1]
    titles = re.findall(r"SIP(\d+) [\d.]+ GB/s ((?:→\d+.)+)", text)
    assert [sip for sip, _ in titles] == [str(sip) for sip in range(16)], text
    assert re.match("→1.→2.", titles[0][1]), text
