"""Conditions on figures of a run, such as `busbw<0.9*base`: a small grammar of its own, nothing is ever executed."""

import re
from collections.abc import Callable, Mapping
from operator import add, eq, ge, gt, le, lt, mul, ne, sub, truediv
from typing import Any, NamedTuple

from kernbench.common.errors import UsageError

BASE = "base"
LONGEST = 500
DEEPEST = 32
_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)\s*(ns|us|ms|s)?(?![A-Za-z_0-9])|([A-Za-z_][\w.]*)|(<=|>=|==|!=|[-+*/()<>&|]))"
)
_TIME_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, None: 1}
_COMPARE: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}
_SUM: dict[str, Callable[[float, float], float]] = {"+": add, "-": sub}


class Figures(NamedTuple):
    """What names stand for in one row: figures of the run, and of the base run (None without one)."""

    run: Mapping[str, float]
    base: Mapping[str, float] | None


Number = Callable[[Figures], float]


class Comparison(NamedTuple):
    """`left` against `right`; `text` is how it was written and `names` the figures that it reads."""

    text: str
    left: Number
    sign: str
    right: Number
    names: tuple[str, ...]


class Condition(NamedTuple):
    """Comparisons that must all hold; several conditions are alternatives."""

    comparisons: tuple[Comparison, ...]

    def holds(self, figures: Figures) -> str | None:
        """What is true, with its figures, or None; a division by zero is raised as one."""
        said = []
        for each in self.comparisons:
            left, right = each.left(figures), each.right(figures)
            if not _COMPARE[each.sign](left, right):
                return None
            said.append(f"{each.text} ({left:.6g} {each.sign} {right:.6g})")
        return " and ".join(said)


def parse(text: str, names: tuple[str, ...], *, has_base: bool) -> list[Condition]:
    """The alternatives of an expression over these names; what is wrong with it is a UsageError that lists them."""
    return _Parser(text, names, has_base=has_base).parse()


def figures_of(row: Mapping[str, Any], totals: Mapping[str, Any]) -> dict[str, float]:
    """The names of a row's numbers and the run's totals, without units: `busbw` is busbw_gbs, `time` is time_ns."""
    found: dict[str, float] = {}
    for source in (totals, row):
        for key, value in source.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[re.sub(r"_(ns|gbs|bytes)$", "", key)] = value
    return found


class _Parser:
    """Reads left to right: alternatives, then conditions, comparisons, sums, products, numbers."""

    def __init__(self, text: str, names: tuple[str, ...], *, has_base: bool) -> None:
        self._text = text
        self._names = names
        self._has_base = has_base
        self._tokens: list[tuple[int, str, float | None]] = []
        self._at = 0
        self._depth = 0
        self._used: list[str] = []

    def parse(self) -> list[Condition]:
        if len(self._text) > LONGEST:
            raise UsageError(f"--fail-if: an expression has at most {LONGEST} characters, got {len(self._text)}")
        self._scan()
        found = [self._condition()]
        while self._take("|", "or"):
            found.append(self._condition())
        if self._at < len(self._tokens):
            raise self._error("expected & or | or the end")
        return found

    def _scan(self) -> None:
        place, end = 0, len(self._text.rstrip())
        while place < end:
            match = _TOKEN.match(self._text, place)
            if match is None:
                raise UsageError(
                    f"--fail-if {self._text!r}: cannot read {self._text[place:].strip()[:12]!r}{self._help()}"
                )
            start = match.end() - len(match[0].lstrip())
            number = None if match[1] is None else float(match[1]) * _TIME_NS[match[2]]
            self._tokens.append((start, match[0].strip(), number))
            place = match.end()

    def _condition(self) -> Condition:
        comparisons = [self._comparison()]
        while self._take("&", "and"):
            comparisons.append(self._comparison())
        return Condition(tuple(comparisons))

    def _comparison(self) -> Comparison:
        begin = self._at
        self._used = []
        left = self._sum()
        sign = self._take(*_COMPARE)
        if sign is None:
            raise self._error("expected a comparison: < <= > >= == or !=")
        right = self._sum()
        names = tuple(dict.fromkeys(name for name in self._used if not name.startswith(BASE)))
        if BASE in self._used and len(names) != 1:
            raise UsageError(
                f"--fail-if {self._text!r}: beside {' and '.join(names) or 'no figure'} it is not clear what 'base' is; "
                "write base.NAME"
            )
        end = self._tokens[self._at][0] if self._at < len(self._tokens) else len(self._text)
        text = self._text[self._tokens[begin][0] : end].strip()
        if BASE in self._used:
            only = names[0]
            return Comparison(text, _with_base(left, only), sign, _with_base(right, only), names)
        return Comparison(text, left, sign, right, names)

    def _sum(self) -> Number:
        left = self._product()
        while (sign := self._take("+", "-")) is not None:
            left = _both(_SUM[sign], left, self._product())
        return left

    def _product(self) -> Number:
        left = self._factor()
        while (sign := self._take("*", "/")) is not None:
            left = _both(mul if sign == "*" else truediv, left, self._factor())
        return left

    def _factor(self) -> Number:
        if self._at == len(self._tokens):
            raise self._error("expected a number or a name")
        if self._depth > DEEPEST:
            raise self._error(f"expected at most {DEEPEST} brackets and signs inside each other")
        if self._take("("):
            self._depth += 1
            inner = self._sum()
            self._depth -= 1
            if not self._take(")"):
                raise self._error("expected )")
            return inner
        if self._take("-"):
            self._depth += 1
            negated = self._factor()
            self._depth -= 1
            return lambda figures: -negated(figures)
        _, text, number = self._tokens[self._at]
        if number is None and not re.fullmatch(r"[A-Za-z_][\w.]*", text):
            raise self._error("expected a number or a name")
        self._at += 1
        return self._name(text) if number is None else lambda _figures: number

    def _name(self, text: str) -> Number:
        of_base = text == BASE or text.startswith(f"{BASE}.")
        name = text.removeprefix(f"{BASE}.")
        if of_base and not self._has_base:
            raise UsageError(f"--fail-if {self._text!r}: there is no base; give --diff BASE")
        if name not in (*self._names, BASE):
            raise UsageError(f"--fail-if {self._text!r}: unknown name {name!r}{self._help()}")
        self._used.append(text)
        if of_base:
            return lambda figures: _of(figures.base, name)
        return lambda figures: _of(figures.run, name)

    def _take(self, *texts: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at][1] in texts:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def _error(self, expected: str) -> UsageError:
        got = repr(self._tokens[self._at][1]) if self._at < len(self._tokens) else "the end"
        return UsageError(f"--fail-if {self._text!r}: {expected}, got {got}{self._help()}")

    def _help(self) -> str:
        return f"; names are {', '.join(self._names)}" + (" and base" if self._has_base else "")


def _both(operator: Callable[[float, float], float], left: Number, right: Number) -> Number:
    return lambda figures: operator(left(figures), right(figures))


def _of(figures: Mapping[str, float] | None, name: str) -> float:
    """A figure; NaN, which no comparison but != holds for, where a row lacks it."""
    return float("nan") if figures is None else figures.get(name, float("nan"))


def _with_base(number: Number, name: str) -> Number:
    """The number where a plain `base` is the base's figure of this name."""
    return lambda figures: number(
        Figures(figures.run, None if figures.base is None else {**figures.base, BASE: _of(figures.base, name)})
    )
