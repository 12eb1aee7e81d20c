"""Occupancy: who shares a link or a memory slice waits exactly as long as the others' bytes take, and says so."""

from actors.simulation import Simulation
from kernbench.common.messages.host import MemoryReadMsg, MemoryWriteMsg, PeDmaMsg
from kernbench.common.units import gbs, ns, transfer_time
from kernbench.policy.placement import Local

SMALL = ("sips=1", "sip.cube_mesh=2x2", "sip.cube.pes=4")
SIZE = 16384
PCIE, SLICE = gbs(64), gbs("204.8")


def columns(bench):
    return Simulation(overrides=SMALL, values=False).run(bench).rows[0].columns


def tensor(torch, **where):
    return torch.empty(SIZE, dtype=torch.int8, placement=Local(**where)).data_ptr()


def finish(torch, handles):
    """The latencies in order of submission, and what each request waited for."""
    rank = torch._rank
    done = [rank.wait(handle) for handle in handles]
    waits = [_waits(completion.trace.legs) for completion in done]
    return torch.Row({"latencies": [each.latency for each in done], "waits": waits}, 0, rank.now())


def _waits(legs):
    moving = ("wire", "overhead", "serialisation")
    found = {}
    for leg in legs:
        for part, time in leg.parts.items():
            if part not in moving and time:
                found[part] = found.get(part, 0) + time
    return found


def one_write(torch):
    return finish(torch, [torch._rank.submit(MemoryWriteMsg(tensor(torch), SIZE, None))])


def three_writes(torch):
    addresses = [tensor(torch, cube=cube) for cube in (0, 0, 0)]
    return finish(torch, [torch._rank.submit(MemoryWriteMsg(each, SIZE, None)) for each in addresses])


def test_back_to_back_writes_are_one_serialisation_apart():
    alone = columns(one_write)["latencies"][0]
    assert columns(three_writes)["latencies"] == [alone + turn * transfer_time(SIZE, PCIE) for turn in range(3)]


def test_a_write_behind_others_waits_at_the_head_of_the_line_for_exactly_their_bytes():
    step = transfer_time(SIZE, PCIE)
    assert columns(three_writes)["waits"] == [{}, {"head_of_line": step}, {"head_of_line": 2 * step}]


def a_write_over_all_cubes(torch):
    target = torch.empty(8 * SIZE, dtype=torch.int8)
    completion = torch._rank.call(MemoryWriteMsg(target.data_ptr(), 8 * SIZE, None))
    legs = completion.trace.legs
    return torch.Row(
        {"parts": legs[0].parts, "holes": sum(sum(leg.parts.values()) for leg in legs) - completion.latency}, 0, 0
    )


def test_parts_of_one_message_wait_for_each_other_as_for_own_quanta():
    """The last of four cubes' parts leaves behind three others: all that is one stream over PCIe."""
    seen = columns(a_write_over_all_cubes)
    assert "head_of_line" not in seen["parts"]
    assert (seen["parts"]["serialisation"], seen["holes"]) == (transfer_time(8 * SIZE, PCIE), 0)


def two_writes_over_all_cubes(torch):
    rank = torch._rank
    targets = [torch.empty(8 * SIZE, dtype=torch.int8).data_ptr() for _ in range(2)]
    return finish(torch, [rank.submit(MemoryWriteMsg(each, 8 * SIZE, None)) for each in targets])


def test_behind_another_message_only_that_one_is_waited_for():
    assert columns(two_writes_over_all_cubes)["waits"] == [{}, {"head_of_line": transfer_time(8 * SIZE, PCIE)}]


def a_read_behind_a_write(torch):
    rank = torch._rank
    return finish(
        torch,
        [
            rank.submit(MemoryWriteMsg(tensor(torch), SIZE, None)),
            rank.submit(MemoryReadMsg(tensor(torch, cube=3), SIZE)),
        ],
    )


def test_a_small_request_to_an_idle_cube_still_waits_behind_a_long_one_in_the_same_injector():
    assert columns(a_read_behind_a_write)["waits"][1]["head_of_line"] == transfer_time(SIZE, PCIE)


def two_readers_of_one_slice(torch):
    rank, address = torch._rank, tensor(torch)
    return finish(torch, [rank.submit(PeDmaMsg(pe, address, SIZE, write=False)) for pe in rank.pes[:2]])


def two_readers_of_two_slices(torch):
    rank = torch._rank
    handles = [
        rank.submit(PeDmaMsg(pe, tensor(torch, slice=number), SIZE, write=False))
        for number, pe in enumerate(rank.pes[:2])
    ]
    return finish(torch, handles)


def test_the_second_reader_of_a_slice_waits_while_the_first_is_served():
    first, second = columns(two_readers_of_one_slice)["waits"]
    assert "hbm_busy" not in first
    # It came a moment later than the first, so it waits that much less than a whole service.
    assert 0 <= transfer_time(SIZE, SLICE) - second["hbm_busy"] < ns(5)


def test_readers_of_different_slices_do_not_wait_for_each_other_there():
    assert [waits.get("hbm_busy", 0) for waits in columns(two_readers_of_two_slices)["waits"]] == [0, 0]


def readers_of_every_slice(torch):
    """Eight reads of four slices: 8 x 16 KiB over the one link of the memory."""
    rank = torch._rank
    handles = [
        rank.submit(PeDmaMsg(pe, tensor(torch, slice=number % 4), SIZE, write=False))
        for number, pe in enumerate(rank.pes[:4] * 2)
    ]
    return finish(torch, handles)


def test_no_link_carries_more_than_its_bandwidth():
    result = Simulation(overrides=SMALL, values=False).run(readers_of_every_slice)
    links = [link for link in result.links if link.bytes_in]
    assert [link.name for link in links if link.busy < transfer_time(link.bytes_in, link.bw)] == []
    assert [link.name for link in links if link.busy > result.sim_time] == []


def test_what_a_link_took_in_it_gave_out():
    result = Simulation(overrides=SMALL, values=False).run(readers_of_every_slice)
    assert [link.name for link in result.links if link.bytes_in != link.bytes_out] == []


def far_readers(torch):
    """Three PEs of a neighbour read three slices over the one UCIe crossing."""
    rank = torch._rank
    handles = [
        rank.submit(PeDmaMsg(f"cube01.pe{number}", tensor(torch, slice=number), SIZE, write=False))
        for number in range(3)
    ]
    return finish(torch, handles)


def test_readers_over_one_crossing_are_through_when_it_has_carried_all_their_bytes():
    latencies = columns(far_readers)["latencies"]
    assert max(latencies) > transfer_time(3 * SIZE, gbs(256))
    assert sum(sum(waits.values()) for waits in columns(far_readers)["waits"]) > 0
