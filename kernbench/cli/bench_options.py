"""The options that a bench adds to `kernbench run`: its keyword parameters, by name and type."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from kernbench.common.errors import UsageError

if TYPE_CHECKING:
    from kernbench.runtime_api.bench import BenchRef, Parameter, Sweep

DEFAULT_BENCH = "allreduce"
SWEEP = {"begin": "-b", "end": "-e", "factor": "-f", "size": "--size"}
"""What a Sweep parameter becomes, as in nccl-tests; the keys are fields of Sweep, and `size` is one size for both ends."""
_PREFIX, _SWEEP_PREFIX = "bench_", "sweep_"


def named_bench(arguments: Sequence[str], own: Sequence[click.Parameter], names: Collection[str]) -> str:
    """The bench that a command line names, before its options are known; without one the default.

    A word after an unknown option is its value, unless no other word is there and it names a bench.
    """
    takes_value = {
        name: not option.is_flag
        for option in own
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }
    words: list[str] = []
    values: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words.extend(rest)
        elif not argument.startswith("-") or argument == "-":
            words.append(argument)
        elif argument.startswith("--bench="):
            return argument.partition("=")[2]
        elif argument == "--bench":
            return next(rest, "")
        elif "=" not in argument and not (argument[1] != "-" and len(argument) > 2):
            known = takes_value.get(argument)
            value = next(rest, "") if known is not False and argument != "--help" else ""
            if known is None:
                values.append(value)
    words += [value for value in values if value.endswith(".py") or value in names]
    return words[0] if words else DEFAULT_BENCH


def options_of(ref: "BenchRef", parameters: Sequence["Parameter"], taken: Collection[str]) -> list[click.Option]:
    """One option per parameter (four for a Sweep); a name that `run` itself uses is refused."""
    options: list[click.Option] = []
    for parameter in parameters:
        options += _sweep_options(parameter) if parameter.kind == "Sweep" else [_option(parameter)]
    seen = set(taken)
    for option in options:
        for name in option.opts:
            if name in seen:
                raise UsageError(
                    f"{ref.file}: a parameter becomes the option {name}, which is taken "
                    f"{'by kernbench run' if name in taken else 'by another parameter'}; give the parameter another name"
                )
            seen.add(name)
    return options


def arguments_of(parameters: Sequence["Parameter"], given: Mapping[str, str | None]) -> dict[str, Any]:
    """The bench's arguments from what click read; what was not given is absent."""
    arguments: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind == "Sweep":
            sweep = _sweep(parameter.default, given)
            if sweep is not None:
                arguments[parameter.name] = sweep
        elif (text := given.get(_PREFIX + parameter.name)) is not None:
            arguments[parameter.name] = text
    return arguments


def device_of(ref: "BenchRef", sips: int | None, device: int | None) -> int | None:
    """The SIP of the only rank, None for a rank on each: a script runs as one rank, on sip:0 unless said."""
    if not ref.is_script:
        return device
    if device is None and sips is not None and sips > 1:
        raise UsageError(
            f"--sips {sips}: {ref.file} defines no bench(torch, ...), so it runs as a script, on one SIP; leave --sips "
            "out, or choose the SIP of a larger system with --device sip:I"
        )
    return device or 0


def _option(parameter: "Parameter") -> click.Option:
    default = ("on" if parameter.default else "off") if isinstance(parameter.default, bool) else parameter.default
    names, text = [f"--{parameter.name.replace('_', '-')}", _PREFIX + parameter.name], f"[default: {default}]"
    if parameter.kind == "bool":
        # `--sp` alone says on.
        return click.Option(names, metavar="on|off", is_flag=False, flag_value="on", help=text)
    return click.Option(names, metavar=parameter.kind.upper(), help=text)


def _sweep_options(parameter: "Parameter") -> list[click.Option]:
    from kernbench.common.units import format_size  # noqa: PLC0415  # a command imports what it needs when it runs

    sweep: Sweep = parameter.default
    help_of = {
        "begin": f"First size. [default: {format_size(sweep.begin)}]",
        "end": f"Last size. [default: {format_size(sweep.end)}]",
        "factor": f"Each size is so many times the one before. [default: {sweep.factor}]",
        "size": "This size alone: -b SIZE -e SIZE.",
    }
    metavar = {"factor": "N"}
    return [
        click.Option([flag, _SWEEP_PREFIX + field], metavar=metavar.get(field, "SIZE"), help=help_of[field])
        for field, flag in SWEEP.items()
    ]


def _sweep(default: "Sweep", given: Mapping[str, str | None]) -> "Sweep | None":
    from kernbench.runtime_api.bench import Sweep  # noqa: PLC0415  # a command imports what it needs when it runs

    texts = {field: text for field in SWEEP if (text := given.get(_SWEEP_PREFIX + field)) is not None}
    if not texts:
        return None
    if "size" in texts:
        if "begin" in texts or "end" in texts:
            raise UsageError("--size S is -b S -e S: give either --size or -b and -e")
        texts["begin"] = texts["end"] = texts["size"]
    begin = _size("begin", texts["begin"], texts) if "begin" in texts else default.begin
    end = _size("end", texts["end"], texts) if "end" in texts else default.end
    factor = texts.get("factor", str(default.factor))
    if not factor.isdecimal():
        raise UsageError(f"{SWEEP['factor']} {factor}: expected a whole number from 2")
    return Sweep.of(begin, end, int(factor))


def _size(field: str, text: str, texts: Mapping[str, str]) -> int:
    from kernbench.common.units import parse_size  # noqa: PLC0415  # a command imports what it needs when it runs

    flag = SWEEP["size" if "size" in texts else field]
    try:
        size = parse_size(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text}: {error}") from error
    if size < 1:
        raise UsageError(f"{flag} {text}: expected a size from 1B, such as 64KiB")
    return size
