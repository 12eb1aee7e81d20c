"""An error in a rank's program is at the program's own line, whatever function of kernbench raised it."""

import json
from pathlib import Path

import pytest

from kernbench.cli import execute
from kernbench.common.errors import RankError, UsageError

SMALL = ("cube_mesh=1x1",)
ARGUMENTS = ("--sips", "2", "--set", *SMALL)
HERE = Path(__file__)


def adds(torch):
    torch.ones(3) + torch.ones(4)


def reshapes(torch):
    torch.ones(6).reshape(4)


def indexes(torch):
    torch.ones(3)[5]


def multiplies(torch):
    torch.ones(2, 3) @ torch.ones(4, 5)


def copies(torch):
    torch.ones(3).copy_(torch.ones(4))


def misnames(torch):
    torch.ones(3)
    torch.no_such_name()


def gathers_oddly(torch):
    torch.distributed.init_process_group()
    torch.distributed.all_gather(torch.empty(7), torch.empty(3))


def sends_to_nobody(torch):
    torch.distributed.init_process_group()
    torch.distributed.send(torch.empty(4), 9)


def reduces_by_foo(torch):
    torch.distributed.init_process_group()
    torch.distributed.all_reduce(torch.empty(4), "foo")


def begins_twice(torch):
    torch.distributed.init_process_group()
    torch.distributed.init_process_group()


def last_line(bench):
    """Where the last line of a bench in this file stands."""
    return f"{HERE}:{max(number for *_, number in bench.__code__.co_lines() if number is not None)}"


def fail(sim, workers, bench, kind):
    with pytest.raises(kind) as caught:
        sim(sips=2, workers=workers, overrides=SMALL).run(bench)
    return caught.value


@pytest.mark.parametrize("bench", [adds, reshapes, indexes, multiplies, copies, misnames])
def test_an_error_of_a_torch_function_is_at_the_program_s_line(sim, bench):
    assert fail(sim, 1, bench, RankError).where == f"sip0.host ({last_line(bench)})"


@pytest.mark.parametrize("bench", [gathers_oddly, sends_to_nobody, reduces_by_foo, begins_twice])
def test_a_call_that_is_refused_names_rank_line_and_time(sim, bench):
    error = fail(sim, 1, bench, UsageError)
    assert (error.where, error.sim_time_fs > 0) == (f"sip0.host ({last_line(bench)})", True)


def test_a_refused_call_comes_out_of_two_workers_as_out_of_one(sim):
    one, two = (fail(sim, workers, sends_to_nobody, UsageError) for workers in (1, 2))
    assert (str(one), one.where, one.sim_time_fs) == (str(two), two.where, two.sim_time_fs)


def test_the_command_says_line_and_time_of_a_refused_call_and_keeps_its_exit_code(tmp_path, capsys):
    file = tmp_path / "odd.py"
    file.write_text("def bench(torch):\n    x = torch.ones(3)\n    torch.distributed.all_reduce(x)\n")
    code = execute(["run", str(file), *ARGUMENTS, "--json"])
    out, err = capsys.readouterr()
    status = json.loads(out)["status"]
    place = f"sip0.host ({file}:3)"
    assert (code, status["kind"], status["where"], status["sim_time_ns"] > 0) == (2, "usage", place, True)
    assert f"all_reduce: call init_process_group first; {place} at " in err


@pytest.mark.parametrize("option", [("--algo", "tre"), ("--op", "foo")])
def test_an_option_that_a_packaged_bench_refuses_is_no_line_of_it(option, capsys):
    code = execute(["run", "allreduce", *option, *ARGUMENTS])
    assert (code, "benches/allreduce.py" in capsys.readouterr().err) == (2, False)
