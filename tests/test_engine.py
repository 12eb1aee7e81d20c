"""Submit, wait, complete: what a host program asks of its device, on one SIP and on several."""

import pytest

from actors.simulation import Simulation
from kernbench.common.errors import SimulationError
from kernbench.common.messages.host import KernelLaunchMsg, MemoryReadMsg, MemoryWriteMsg, PeDmaMsg
from kernbench.policy.placement import Local
from kernbench.probing.facts import Facts
from kernbench.probing.kernels import nothing

SMALL = ("sip.cube_mesh=2x2", "sip.cube.pes=2")
SIZE = 4096


def run(bench, **options):
    return Simulation(overrides=SMALL, **{"sips": 1, **options}).run(bench)


def row(result):
    return result.rows[0].columns


def tensor(torch, size=SIZE, **where):
    return torch.empty(size, dtype=torch.int8, placement=Local(**where))


def submits(torch):
    rank, target = torch._rank, tensor(torch)
    before = rank.now()
    handle = rank.submit(MemoryWriteMsg(target.data_ptr(), SIZE, bytes(SIZE)))
    seen = {"done": handle.done, "elapsed": rank.now() - before}
    completion = rank.wait(handle)
    seen |= {
        "later": handle.done,
        "same": completion.completed == rank.now(),
        "same_start": completion.submitted == before,
    }
    return torch.Row(seen, before, rank.now())


def test_a_submitted_request_takes_no_host_time_and_is_done_when_waited_for():
    seen = row(run(submits))
    assert seen == {"done": False, "elapsed": 0, "later": True, "same": True, "same_start": True}


def waits_twice(torch):
    rank, target = torch._rank, tensor(torch)
    handle = rank.submit(MemoryReadMsg(target.data_ptr(), SIZE))
    first, then = rank.wait(handle), rank.now()
    second = rank.wait(handle)
    return torch.Row({"same": first is second, "elapsed": rank.now() - then}, then, rank.now())


def test_waiting_for_what_is_done_takes_no_time():
    assert row(run(waits_twice)) == {"same": True, "elapsed": 0}


def waits_in_reverse(torch):
    rank = torch._rank
    near, far = tensor(torch), tensor(torch, cube=3)
    handles = [rank.submit(MemoryReadMsg(each.data_ptr(), SIZE)) for each in (near, far)]
    ends = [rank.wait(handle).completed for handle in reversed(handles)]
    return torch.Row({"in_order": ends[1] <= ends[0]}, 0, rank.now())


def test_requests_complete_whatever_the_order_of_the_waits():
    assert row(run(waits_in_reverse)) == {"in_order": True}


def writes_and_reads_back(torch):
    rank, target = torch._rank, tensor(torch, cube=3, slice=1)
    data = bytes(index % 251 for index in range(SIZE))
    rank.call(MemoryWriteMsg(target.data_ptr(), SIZE, data))
    back = rank.call(MemoryReadMsg(target.data_ptr(), SIZE)).data
    return torch.Row({"same": back == data}, 0, rank.now())


def test_a_read_gets_what_was_written_before():
    assert row(run(writes_and_reads_back)) == {"same": True}


def every_request(torch):
    rank, target = torch._rank, tensor(torch)
    pe = rank.pes[-1]
    done = [
        rank.call(MemoryWriteMsg(target.data_ptr(), SIZE, bytes(SIZE))),
        rank.call(MemoryReadMsg(target.data_ptr(), SIZE)),
        rank.call(PeDmaMsg(pe, target.data_ptr(), SIZE, True)),
        rank.call(PeDmaMsg(pe, target.data_ptr(), SIZE, False)),
        rank.call(KernelLaunchMsg(nothing.launch((1,)), (pe,))),
    ]
    spans = [[leg.end - leg.start - sum(leg.parts.values()) for leg in each.trace.legs] for each in done]
    places = [[leg.src for leg in each.trace.legs] for each in done]
    return torch.Row({"spans": spans, "places": places, "latency": [each.latency for each in done]}, 0, rank.now())


def test_the_parts_of_every_leg_of_every_kind_of_request_sum_to_its_time():
    assert {span for spans in row(run(every_request))["spans"] for span in spans} == {0}


def test_a_dma_goes_from_the_host_over_the_pe_and_the_memory_back_to_the_pe():
    assert row(run(every_request))["places"][3] == [
        "sip0.host",
        "sip0.cube03.pe1.dma",
        "sip0.cube00.hbm",
        "sip0.cube00.hbm",
        "sip0.cube03.pe1.dma",
    ]


def launches_twice(torch):
    rank = torch._rank
    message = KernelLaunchMsg(nothing.launch((4,)), tuple(rank.pes))
    first = rank.call(message)
    second = rank.call(message)
    return torch.Row({"latencies": [first.latency, second.latency]}, 0, rank.now())


def test_the_same_launch_takes_the_same_time_again():
    first, second = row(run(launches_twice))["latencies"]
    assert first == second


def reads_outside(torch):
    target = tensor(torch)
    torch._rank.call(MemoryReadMsg(target.data_ptr() + 1, SIZE))


def test_an_access_outside_every_tensor_stops_the_run():
    with pytest.raises(SimulationError, match="is outside every tensor"):
        run(reads_outside)


def reads_own(torch):
    rank, target = torch._rank, tensor(torch)
    rank.call(MemoryWriteMsg(target.data_ptr(), SIZE, bytes([rank.index + 1]) * SIZE))
    data = rank.call(MemoryReadMsg(target.data_ptr(), SIZE)).data
    return torch.Row({"seen": data[0], "sip": rank.sip}, 0, rank.now())


def test_each_rank_has_its_own_device():
    result = run(reads_own, sips=4)
    assert [(report.rows[0]["sip"], report.rows[0]["seen"]) for report in result.reports] == [
        (0, 1), (1, 2), (2, 3), (3, 4),
    ]  # fmt: skip


def test_ranks_that_do_not_meet_take_the_same_time():
    result = run(reads_own, sips=4)
    assert len({report.finished_at for report in result.reports}) == 1


def test_a_way_between_sips_leaves_over_the_fabric_and_ends_in_the_other_sip():
    facts = Facts(Simulation(overrides=SMALL, sips=4).topology)
    names = [link.name for link in facts.way("sip0.cube00.pe0.dma", "sip2.cube03.pe1.dma").links]
    assert [name for name in names if "->sip" in name] == ["sip0->sip1", "sip1->sip2"]
    assert names[-1].endswith("->cube03.pe1.dma")
