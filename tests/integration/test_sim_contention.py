"""Two transfers, then two collectives, over one link: how much slower, and that the books of the link explain it."""

import pytest

import kernbench.triton_emu.language as tl
from kernbench.common.messages.host import KernelLaunchMsg, QueueConnectMsg
from kernbench.common.units import transfer_time
from kernbench.runtime_api.group import Group
from kernbench.triton_emu.jit import jit

SMALL = ("sip.cube_mesh=1x1",)
SLOT = 16384
SLOTS = 8
FABRIC = 50 * 10**9
COUNT = 65536


@jit
def pour(blocks):
    block = tl.zeros((SLOT // 4,), tl.float32)
    for _ in range(blocks):
        tl.send(block, to="out")


@jit
def catch(blocks, near, far):
    for _ in range(blocks):
        for queue, wanted in (("near", near), ("far", far)):
            if wanted:
                tl.recv((SLOT // 4,), tl.float32, from_=queue)


def pairs(torch, *, near: int = 1, far: int = 1):
    """Ring of four: rank 1 (near) and rank 0 (far, through SIP 1) fill rank 2's slots, both over the link 1 -> 2."""
    me, rank = torch.distributed.get_rank(), torch.distributed._rank
    pe, names, sends = rank.pes[0], {0: "far", 1: "near"}, {0: far, 1: near}
    receive = {f"{name}.q": rank.endpoint(peer, pe) for peer, name in names.items()} if me == 2 else {}
    send = {f"{names[me]}.q": rank.endpoint(2, pe)} if me in names else {}
    rank.call(QueueConnectMsg(pe, receive, send))
    if me == 2:
        launch = catch.launch((1,), SLOTS, near, far)
        launch.connect({"near": "near.q", "far": "far.q"}, "pairs")
    elif sends.get(me):
        launch = pour.launch((1,), SLOTS)
        launch.connect({"out": f"{names[me]}.q"}, "pairs")
    else:
        return torch.Row({}, 0, 0)
    done = rank.call(KernelLaunchMsg(launch, (pe,)))
    return torch.Row({}, done.device_start, done.device_end)


def reduces(torch, *, count: int = COUNT, together: int = 2):
    """`together` all-reduces at once, one a group of all ranks on PEs of its own."""
    dist = torch.distributed
    dist.init_process_group(channels=2)
    rank = dist._rank
    pes = [((rank.pes[number],),) for number in range(2)]
    groups = [Group(rank, f"pair{number}", range(rank.world), "ring", pes[number]) for number in range(together)]
    tensors = [torch.full((count,), dist.get_rank() + 1) for _ in range(together)]
    for group in groups:
        group.prepare("all_reduce")
        group.wait_open()
    dist.barrier()
    works = [dist.all_reduce(tensor, group=group, async_op=True) for tensor, group in zip(tensors, groups, strict=True)]
    for work in works:
        work.wait()
    values = sorted({float(value) for tensor in tensors for value in tensor.peek()})
    return torch.Row({"values": values}, min(each.start for each in works), max(each.end for each in works))


def book(result, name):
    return next(link for link in result.links if link.name == name)


def test_two_streams_over_one_link_end_exactly_one_stream_later(sim):
    """The link 1 -> 2 never rests between the near stream's start and the far one's end."""
    made = sim(sips=4, overrides=SMALL)
    alone, shared = made.run(pairs, far=0), made.run(pairs)
    stream = transfer_time(SLOTS * SLOT, FABRIC)
    later = shared.reports[2].rows[0]["end_fs"] - alone.reports[2].rows[0]["end_fs"]
    busy = book(shared, "sip1->sip2").busy - book(alone, "sip1->sip2").busy
    assert (later, busy) == (stream, stream)


def test_streams_over_links_of_their_own_do_not_slow_each_other(sim):
    """With a link from each SIP to each other one, the far stream is done when it would be alone."""
    made = sim(sips=4, overrides=(*SMALL, "fabric.kind=full"))
    alone, both = made.run(pairs, near=0), made.run(pairs)
    assert both.reports[2].rows[0]["end_fs"] - alone.reports[2].rows[0]["end_fs"] < transfer_time(SLOT, FABRIC)


@pytest.mark.parametrize("sips", [2, 4])
def test_two_collectives_share_the_ring_and_take_twice_its_time(sim, sips):
    """The delay is what the other one sends over a link, 2 (n - 1) / n of its bytes, to 1 %."""
    made = sim(sips=sips, overrides=SMALL)
    alone, shared = made.run(reduces, together=1), made.run(reduces)
    values = [report.rows[0]["values"] for report in shared.reports]
    extra = transfer_time(2 * (sips - 1) * COUNT * 4 // sips, FABRIC)
    later = shared.rows[0].time - alone.rows[0].time
    assert (values, abs(later - extra) * 100 < extra) == ([[float(sips * (sips + 1) // 2)]] * sips, True)
