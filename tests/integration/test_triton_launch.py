"""Launches: which PEs they go to, and autotuning that leaves no trace in the run."""

import pytest

from actors.control import Hooks
from kernbench.common.errors import KernelError, UsageError
from kernbench.common.messages.island import Command

KERNEL = """
import torch
import triton
import triton.language as tl

@triton.jit
def count(x_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x_ptr + i, tl.load(x_ptr + i, mask=i < n) + 1, mask=i < n)

grid = lambda meta: (triton.cdiv(2000, meta["BLOCK"]),)
x = torch.zeros(2000)
"""
TINY = ["sip.cube_mesh=1x1"]


@pytest.fixture
def run(sim, tmp_path):
    """Run a script on one small SIP."""

    def run(text, **options):
        path = tmp_path / "script.py"
        path.write_text(KERNEL + text)
        return sim(sips=1, overrides=TINY, **options).run(path)

    return run


def test_a_launch_goes_to_as_many_pes_as_it_asks_for(run):
    ends = [run(f"count[grid](x, 2000, BLOCK=16, pes={pes})").rows[0].time for pes in (1, 2, "None")]
    named = run("count[grid](x, 2000, BLOCK=16, pes=['cube00.pe0', 'cube00.pe1'])").rows[0].time
    assert ends[0] > ends[1] > ends[2]
    assert named == ends[1]


def test_a_script_runs_on_as_many_pes_as_its_run_is_told(sim, tmp_path, capsys):
    path = tmp_path / "script.py"
    path.write_text(
        KERNEL + "count[grid](x, 2000, BLOCK=16)\nprint(torch.cuda.get_device_properties(0).multi_processor_count)\n"
    )
    ends = [sim(sips=1, overrides=TINY).run(path, pes=pes).rows[0].time for pes in (1, 2, 4, 0)]
    assert ends[0] > ends[1] > ends[2] == ends[3]
    assert capsys.readouterr().out.split() == ["1", "2", "4", "4"]
    with pytest.raises(UsageError, match="--pes 5: the device has 4 PEs; use 1 to 4, or 0 for all"):
        sim(sips=1, overrides=TINY).run(path, pes=5)


@pytest.mark.parametrize(
    ("pes", "message"), [("9", "pes is 1 to 4"), ("['cube09.pe0']", "names different PEs of the device, cube00.pe0 to")]
)
def test_pes_that_the_device_lacks_are_refused(run, pes, message):
    with pytest.raises(Exception, match=message):
        run(f"count[grid](x, 2000, BLOCK=16, pes={pes})")


TUNED = """
tuned = triton.autotune([triton.Config({"BLOCK": b}) for b in (64, 512, 128)], key=["n"])(count)
tuned[grid](x, 2000)
tuned[grid](x, 2000)
print(tuned.best_config.kwargs["BLOCK"])
assert x.numpy().tolist() == [2] * 2000
"""
PLAIN = """
for _ in range(2):
    count[grid](x, 2000, BLOCK=512)
assert x.numpy().tolist() == [2] * 2000
"""


def test_trials_of_autotune_enter_neither_values_nor_times_of_the_run(run, capsys):
    tuned, plain = run(TUNED), run(PLAIN)
    out, err = capsys.readouterr()
    assert out == "512\n"
    assert err.count("ns  BLOCK: ") == 3
    assert (tuned.digest_time, tuned.sim_time, tuned.rows) == (plain.digest_time, plain.sim_time, plain.rows)


def test_tensors_to_reset_are_zeroed_before_the_launch_that_follows_the_trials_and_no_other(run):
    run(TUNED.replace('key=["n"])', 'key=["n"], reset_to_zero=["x_ptr"])').replace("tuned[", "x.fill_(5)\ntuned[", 1))


def test_the_time_of_a_trial_is_the_time_of_the_launch(run, capsys):
    row = run(TUNED.replace("tuned[grid](x, 2000)\n", "", 1).replace("[2]", "[1]")).rows[0]
    assert f"* {row.time / 10**6:.6g} ns  BLOCK: 512" in capsys.readouterr().err


def test_a_config_that_overflows_the_tcm_is_passed_over(run, capsys):
    run("""
big = triton.autotune([triton.Config({"BLOCK": b}) for b in (1 << 20, 256)], key=[])(count)
big[grid](x, 2000)
assert x.numpy().tolist() == [1] * 2000
""")
    err = capsys.readouterr().err
    assert "does not fit  BLOCK: 1048576" in err
    assert "TCM overflow: a block of 4MiB does not fit" in err


def test_a_measured_function_takes_its_simulated_time_and_the_same_each_time(run, capsys):
    run("""
once = triton.testing.do_bench(lambda: count[grid](x, 2000, BLOCK=256))
again = triton.testing.do_bench(lambda: count[grid](x, 2000, BLOCK=256), quantiles=[0.5, 0.2, 0.8])
print(0 < once < 0.01, again == [once] * 3, triton.testing.do_bench(lambda: None))
event, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
event.record()
count[grid](x, 2000, BLOCK=256)
end.record()
print(event.elapsed_time(end) == once)
""")
    assert capsys.readouterr().out == "True True nan\nTrue\n"


class StopsAt(Hooks):
    """Stops the run, as Ctrl-C does, once it has come through so many windows."""

    def __init__(self, windows):
        self.windows = windows
        self.commands = []

    def progress(self, progress):
        if progress.windows >= self.windows:
            self.commands = [Command("stop", "interrupt")]
            self.windows = 1 << 60

    def command(self):
        return self.commands.pop() if self.commands else None


@pytest.mark.parametrize(("sips", "workers"), [(1, 1), (2, 2)])
def test_a_run_stops_in_the_middle_of_a_trial(sim, tmp_path, sips, workers):
    path = tmp_path / "script.py"
    path.write_text(
        KERNEL
        + """
@triton.autotune([triton.Config({"TURNS": turns}) for turns in (10**9, 10**9 + 1)], key=["n"])
@triton.jit
def for_ever(x_ptr, n, TURNS: tl.constexpr):
    for turn in tl.range(TURNS):
        tl.store(x_ptr, tl.load(x_ptr) + 1)
        tl.store(x_ptr + 1, 0.0)
count[grid](x, 2000, BLOCK=256)
for_ever[(1,)](x, 2000)
"""
    )
    result = sim(sips=sips, workers=workers, overrides=TINY).run(path, hooks=StopsAt(20), timeout_s=30)
    assert result.stopped == "interrupt"
    assert [(row.columns["kernel"], row.columns["launches"]) for row in result.rows] == [("count", 1)]


def test_two_ranks_tune_for_themselves_and_one_tells(sim, tmp_path, capfd):
    path = tmp_path / "both.py"
    body = KERNEL.partition("grid =")[0] + (
        "tuned = triton.autotune([triton.Config({'BLOCK': b}) for b in (64, 512)], key=['n'])(count)\n"
        "def bench(torch):\n"
        "    x = torch.zeros(600)\n"
        "    tuned[lambda meta: (triton.cdiv(600, meta['BLOCK']),)](x, 600)\n"
        "    return torch.Row({'block': tuned.best_config.kwargs['BLOCK']}, 0, 1, results=(x,))\n"
    )
    path.write_text(body)
    results = [sim(sips=2, workers=workers, overrides=TINY).run(path) for workers in (1, 2)]
    assert results[0].digest == results[1].digest
    assert capfd.readouterr().err.count("autotune count (n=600): 2 configs") == 2


def test_a_kernel_that_loads_what_nobody_wrote_is_stopped_with_poison(run):
    text = "y = torch.empty(100)\ncount[(1,)](y, 90, BLOCK=128)\n"
    assert run(text).kernels > 0
    with pytest.raises(
        KernelError, match=r"count: it loads byte 0 of tensor\d+ \(400 bytes\), which nobody has"
    ) as caught:
        run(text, poison=True)
    assert caught.value.where.endswith("script.py:9")


def test_poison_leaves_written_tensors_and_times_alone(run):
    text = "y = torch.empty(256)\ncount[(1,)](x[:256], 256, BLOCK=256)\ncount[grid](x, 2000, BLOCK=512)\n"
    assert run(text, poison=True).digest == run(text).digest


def test_poison_needs_values(sim):
    with pytest.raises(UsageError, match="--poison watches bytes, and --values off moves none"):
        sim(poison=True, values=False)
