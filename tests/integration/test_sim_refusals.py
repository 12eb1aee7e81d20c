"""What a run refuses or survives that an earlier version got wrong."""

import pytest

from actors.simulation import Simulation
from kernbench.common.errors import RankError, TopologyError, UsageError

SMALL = ("sip.cube_mesh=2x1",)


def test_two_send_channels_do_not_let_slices_of_one_queue_overtake_each_other():
    overrides = [*SMALL, "sip.cube.pe.pe_dma.send_channels=2"]
    assert Simulation(sips=4, overrides=overrides).run("allreduce", sizes="100KiB").wrong == 0


def one_row_more_on_rank_1(torch):
    for number in range(1 + torch.distributed.get_rank()):
        yield torch.Row({"number": number}, 0, 1)


def test_a_row_that_only_one_rank_gives_is_not_dropped():
    result = Simulation(sips=2, overrides=SMALL).run(one_row_more_on_rank_1)
    assert [row.columns["number"] for row in result.rows] == [0, 1]


def echo(torch, *, number: float = 1.0):
    return torch.Row({"number": repr(number)}, 0, 1)


def test_an_infinite_argument_arrives_as_itself():
    result = Simulation(sips=1, overrides=SMALL).run(echo, number=float("inf"))
    assert result.rows[0].columns["number"] == "inf"


def pair(torch, *, pair: tuple = (1, 2)):
    return torch.Row({}, 0, 1)


def test_an_argument_that_would_change_on_its_way_is_refused():
    with pytest.raises(UsageError, match="cannot travel"):
        Simulation(sips=1, overrides=SMALL).run(pair)


@pytest.mark.parametrize("share", ["2", "0.000001"])
def test_an_efficiency_that_is_no_share_is_refused_at_its_key(share):
    with pytest.raises(TopologyError, match=r"hbm_ctrl\.efficiency.*share"):
        Simulation(sips=1, overrides=[*SMALL, f"sip.cube.hbm_ctrl.efficiency={share}"])


def misplaced(torch):
    torch.empty(4, placement=torch.Local(cube=0, slice=7))


def test_a_placement_outside_the_machine_is_refused():
    with pytest.raises(UsageError, match="cubes 0 to 1 with slices 0 to 3"):
        Simulation(sips=1, overrides=SMALL).run(misplaced)


def test_bytes_over_a_switch_balance_on_both_sides():
    result = Simulation(sips=3, overrides=[*SMALL, "fabric.kind=switch"]).run("allreduce", sizes="16KiB")
    uplinks = [link for link in result.links if link.name.endswith("->switch")]
    assert [link.bytes_in for link in uplinks] == [link.bytes_out for link in uplinks] != []


def leaves(torch):
    raise SystemExit(0)


def test_a_rank_that_exits_is_an_error_with_its_line():
    with pytest.raises(RankError, match="SystemExit") as caught:
        Simulation(sips=1, overrides=SMALL).run(leaves)
    assert __file__ in caught.value.where


@pytest.mark.parametrize("kind", ["nomod:Foo", "os:path", "nope"])
def test_a_kind_that_cannot_be_loaded_is_an_error_at_its_key(kind):
    with pytest.raises(TopologyError, match=r"m_cpu\.kind"):
        Simulation(sips=1, overrides=[*SMALL, f"sip.cube.m_cpu.kind={kind}"])
