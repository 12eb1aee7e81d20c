"""A sender that waits for slots waits for its receiver: the critical path leads there, and a what-if agrees."""

import pytest

import kernbench.triton_emu.language as tl
from kernbench.common.messages.host import KernelLaunchMsg, QueueConnectMsg
from kernbench.reporting.summary import summarise
from kernbench.telemetry.reader import RunReader
from kernbench.triton_emu.jit import jit

SLOTS, BLOCK, MESSAGES = 1, 1024, 12


@jit
def pour(messages, passes):
    for _ in range(messages):
        block = tl.zeros((BLOCK,), tl.float32)
        for _ in range(passes):
            block = block * 0.5
        tl.send(block, to="out")


@jit
def drain(messages, passes):
    for _ in range(messages):
        block = tl.recv((BLOCK,), tl.float32, from_="in")
        half = block
        for _ in range(passes):
            half = half * 0.5
        half + block  # the last that reads the slot


def stream(torch, *, sender: int = 4, receiver: int = 40):
    """Rank 0 fills slots that rank 1 empties after so many vector operations."""
    me, rank = torch.distributed.get_rank(), torch.distributed._rank
    pe, other = rank.pes[0], rank.endpoint(1 - torch.distributed.get_rank(), rank.pes[0])
    ends = ({}, {"q": other}) if me == 0 else ({"q": other}, {})
    rank.call(QueueConnectMsg(pe, *ends, slots=SLOTS, slot_bytes=4 * BLOCK))
    kernel, passes, name = (pour, sender, "out") if me == 0 else (drain, receiver, "in")
    launch = kernel.launch((1,), MESSAGES, passes)
    launch.connect({name: "q"}, "stream")
    done = rank.call(KernelLaunchMsg(launch, (pe,)))
    return torch.Row({}, done.device_start, done.device_end)


@pytest.fixture
def reported(sim, tmp_path):
    """The simulated time and the report of a stream."""

    def run(workers=1, **passes):
        directory = tmp_path / f"{workers}-{'-'.join(map(str, passes.values()))}"
        options = {"sips": 2, "workers": workers, "overrides": ["sip.cube_mesh=1x1"], "telemetry": str(directory)}
        result = sim(**options).run(stream, **passes)
        return result, summarise(RunReader(directory), directory)

    return run


@pytest.mark.parametrize("workers", [1, 2])
def test_the_path_of_a_sender_without_credits_leads_through_its_receiver(reported, workers):
    result, report = reported(workers, sender=4, receiver=40)
    path = report["critical_path"]
    spent = {part["kind"]: part["time_fs"] for part in path["by_kind"]}
    # All of the receiver's vector operations are on it: the sender's own go on beside them.
    operations = 40 * (MESSAGES - 1)
    assert spent["math"] >= operations * BLOCK // 64 * 10**6
    assert "wait for engine" not in spent or spent["wait for engine"] < path["total_fs"] // 20
    same, _ = reported(workers, sender=2, receiver=40)
    less, _ = reported(workers, sender=4, receiver=20)
    assert (result.sim_time - same.sim_time) * 20 < result.sim_time - less.sim_time
    assert path["total_fs"] == sum(spent.values())


def test_each_send_that_waited_names_the_moment_that_its_slot_was_free(reported, tmp_path):
    reported(1, sender=4, receiver=40)
    rows = [*RunReader(tmp_path / "1-4-40").operations()]
    sends = [row for row in rows if row.kind == "send"]
    ends = {row.end for row in rows if row.pe.startswith("sip1")}
    waited = [row for row in sends if row.released >= 0]
    assert len(waited) == MESSAGES - SLOTS
    assert all(row.released in ends and row.released < row.start for row in waited)
    assert all(row.released == -1 for row in rows if row.kind != "send")
