"""A bench's keyword parameters as options of `kernbench run`."""

import pytest

from kernbench.cli.bench_options import arguments_of, named_bench, options_of
from kernbench.cli.run import command
from kernbench.common.errors import UsageError
from kernbench.runtime_api.bench import Sweep, find_bench, parameters


@pytest.mark.parametrize(
    ("line", "bench"),
    [
        ("", "allreduce"),
        ("mine", "mine"),
        ("mine.py --sips 4", "mine.py"),
        ("--sips 4 mine", "mine"),
        ("--json mine", "mine"),
        ("--no-record --out there", "allreduce"),
        ("--record mine", "mine"),
        ("--size 1MiB", "allreduce"),
        ("--size 1MiB mine", "mine"),
        ("--bench mine --device sip:0", "mine"),
        ("--bench=mine", "mine"),
        ("-b 4K -e8K mine", "mine"),
        ("--size=4K mine", "mine"),
        ("--jsno mine", "mine"),
        ("--jsno other", "allreduce"),
        ("--help mine", "mine"),
        ("-- mine", "mine"),
    ],
)
def test_the_bench_is_found_before_its_options_are_known(line, bench):
    assert named_bench(line.split(), command.params, ["allreduce", "mine"]) == bench


@pytest.fixture
def found(tmp_path):
    def write(signature):
        file = tmp_path / "mine.py"
        file.write_text(f"def bench(torch, *, {signature}):\n    pass\n")
        return parameters(find_bench(file)), find_bench(file)

    return write


def test_a_parameter_is_an_option_by_name_and_type(found):
    known, ref = found("tile_size: int = 4, name: str = 'a', fast: bool = True")
    options = options_of(ref, known, ())
    assert [(option.opts[0], option.metavar, option.help) for option in options] == [
        ("--tile-size", "INT", "[default: 4]"), ("--name", "STR", "[default: a]"), ("--fast", "on|off", "[default: on]"),
    ]  # fmt: skip


def test_a_sweep_is_four_options_as_in_nccl_tests(found):
    known, ref = found("sizes: Sweep = Sweep.of('4KiB', '1MiB', 4)")
    assert [option.opts[0] for option in options_of(ref, known, ())] == ["-b", "-e", "-f", "--size"]


@pytest.mark.parametrize(
    ("given", "sweep"),
    [
        ({}, None),
        ({"sweep_size": "64K"}, Sweep(65536, 65536, 4)),
        ({"sweep_begin": "8KiB"}, Sweep(8192, 2**20, 4)),
        ({"sweep_end": "8KiB", "sweep_factor": "2"}, Sweep(4096, 8192, 2)),
    ],
)
def test_what_is_not_given_of_a_sweep_is_the_default(found, given, sweep):
    known, _ = found("sizes: Sweep = Sweep.of('4KiB', '1MiB', 4)")
    assert arguments_of(known, given).get("sizes") == sweep


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sweep_size": "-1"}, "--size -1: expected a size from 1B, such as 64KiB"),
        ({"sweep_size": "x"}, "--size x: expected a size such as 64KiB, got 'x'"),
        ({"sweep_end": "0"}, "-e 0: expected a size from 1B, such as 64KiB"),
        ({"sweep_factor": "-2"}, "-f -2: expected a whole number from 2"),
        ({"sweep_size": "4K", "sweep_end": "8K"}, "--size S is -b S -e S: give either --size or -b and -e"),
        (
            {"sweep_end": "1K"},
            "sizes from 4KiB to 1KiB by factor 4: the first (-b) is >= 1B, the last (-e) not smaller, the factor (-f) 2 to",
        ),
        (
            {"sweep_factor": str(2**31)},
            f"sizes from 4KiB to 1MiB by factor {2**31}: the first (-b) is >= 1B, the last (-e) not smaller, the factor (-f) 2 to {2**30}",
        ),
    ],
)
def test_a_wrong_size_is_named(found, given, message):
    known, _ = found("sizes: Sweep = Sweep.of('4KiB', '1MiB', 4)")
    with pytest.raises(UsageError) as caught:
        arguments_of(known, given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("signature", "who"),
    [
        ("seed: int = 1", "--seed, which is taken by kernbench run"),
        ("no_record: int = 1", "--no-record, which is taken by kernbench run"),
        ("size: int = 1, sizes: Sweep = Sweep.of(1, 2)", "--size, which is taken by another parameter"),
    ],
)
def test_a_clash_of_names_is_an_error_when_the_bench_is_read(found, signature, who):
    known, ref = found(signature)
    with pytest.raises(UsageError, match=who):
        options_of(ref, known, {"--seed", "--no-record"})
