"""Conditions on figures of a run, such as `busbw<0.9*base`: a small grammar of its own, nothing is ever executed."""

import re
from collections.abc import Callable, Mapping
from operator import add, eq, ge, gt, le, lt, mul, ne, sub, truediv
from typing import Any, NamedTuple, TypeAlias, TypeVar

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


Number: TypeAlias = Callable[[Figures], float]
Inner = TypeVar("Inner")


class Comparison(NamedTuple):
    """`left` against `right`; `text` is how it was written and `names` the figures that it reads."""

    text: str
    left: Number
    sign: str
    right: Number
    names: tuple[str, ...]

    def holds(self, figures: Figures) -> str | None:
        """What is true, with its figures, or None."""
        left, right = self.left(figures), self.right(figures)
        holds = _COMPARE[self.sign](left, right)
        return f"{self.text} ({left:.6g} {self.sign} {right:.6g})" if holds else None


class Every(NamedTuple):
    """Conditions that must all hold; none is asked after one that does not."""

    parts: "tuple[Condition, ...]"

    def holds(self, figures: Figures) -> str | None:
        """What is true, with its figures, or None."""
        said = []
        for part in self.parts:
            found = part.holds(figures)
            if found is None:
                return None
            said.append(found)
        return " and ".join(said)


class Either(NamedTuple):
    """Conditions of which one must hold; none is asked after that one."""

    parts: "tuple[Condition, ...]"

    def holds(self, figures: Figures) -> str | None:
        """What the first that holds says, with its figures, or None."""
        return next((said for part in self.parts if (said := part.holds(figures)) is not None), None)


Condition: TypeAlias = Comparison | Every | Either
"""It `holds` of figures and says so, or is None of them; a division by zero is raised as one."""


def parse(text: str, names: tuple[str, ...], *, has_base: bool) -> Condition:
    """The condition that an expression over these names is; what is wrong with it is a UsageError that lists them."""
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

    def parse(self) -> Condition:
        if len(self._text) > LONGEST:
            raise UsageError(f"--fail-if: an expression has at most {LONGEST} characters, got {len(self._text)}")
        self._scan()
        found = self._alternatives()
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

    def _alternatives(self) -> Condition:
        parts = [self._conjunction()]
        while self._take("|", "or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _conjunction(self) -> Condition:
        parts = [self._condition()]
        while self._take("&", "and"):
            parts.append(self._condition())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _condition(self) -> Condition:
        """A comparison, or conditions in brackets."""
        return self._bracketed(self._alternatives) if self._brackets_compare() else self._comparison()

    def _brackets_compare(self) -> bool:
        """Whether a bracket begins here that holds a comparison: else it is one around numbers."""
        depth = 0
        for _, text, _ in self._tokens[self._at :]:
            depth += (text == "(") - (text == ")")
            if depth == 0 or text in _COMPARE:
                return depth > 0
        return False

    def _bracketed(self, read: Callable[[], Inner]) -> Inner:
        """What stands in the brackets that begin here."""
        if self._depth > DEEPEST:
            raise self._error(f"expected at most {DEEPEST} brackets and signs inside each other")
        self._at += 1
        self._depth += 1
        inner = read()
        self._depth -= 1
        if not self._take(")"):
            raise self._error("expected )")
        return inner

    def _comparison(self) -> Comparison:
        begin = self._at
        self._used = []
        left = self._sum()
        sign = self._take(*_COMPARE)
        if sign is None:
            raise self._error("expected a comparison: < <= > >= == or !=")
        right = self._sum()
        names = tuple(dict.fromkeys(name for name in self._used if not _is_of_base(name)))
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
        if self._tokens[self._at][1] == "(":
            return self._bracketed(self._sum)
        if self._take("-"):
            if self._depth > DEEPEST:
                raise self._error(f"expected at most {DEEPEST} brackets and signs inside each other")
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
        of_base = _is_of_base(text)
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


def _is_of_base(name: str) -> bool:
    """Whether a name means the base run: a column may be called `baseline`."""
    return name == BASE or name.startswith(f"{BASE}.")


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
