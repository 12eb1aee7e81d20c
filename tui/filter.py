"""The language of filters: `sip0 & ucie & util>80`, words and comparisons joined by & | ! and brackets."""

import operator
import re
from collections.abc import Callable
from typing import Protocol, TypeAlias

from kernbench.common.errors import UsageError

FIELDS = ("util", "avg", "p99", "gbs", "bw", "queue", "sip")
"""What can be compared: percent for the first three, GB/s for the next two."""

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, ">": operator.gt, "<": operator.lt, "=": operator.eq,
}  # fmt: skip
DEEPEST = 32

_TOKEN = re.compile(r"\s*(?:(>=|<=|!=|[<>=&|!()])|(\d+(?:\.\d+)?)(?=[\s&|)]|$)|((?:->|[^\s&|!()<>=])+))")


class Subject(Protocol):
    """What a filter asks about one link."""

    def says(self, word: str, /) -> bool:
        """Whether the lower-case word is in its name, its kind or its reason."""

    def number(self, field: str, /) -> float:
        """The value of one of FIELDS."""


Test: TypeAlias = Callable[[Subject], bool]


class FilterError(UsageError):
    """A filter that cannot be read; says where and what would do."""


def parse(text: str) -> Test:
    """The test that a filter describes; an empty one lets everything through."""
    tokens = _split(text)
    if not tokens:
        return lambda _subject: True
    parser = _Parser(tokens)
    test = parser.either(0)
    parser.finish()
    return test


def _split(text: str) -> list[str]:
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match is not None, "every character belongs to some token"
        tokens.append(match[0].strip())
        place = match.end()
    return tokens


class _Parser:
    """Takes tokens from the left: `|` binds least, then `&`, then `!`."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def finish(self) -> None:
        if self._place < len(self._tokens):
            found = self._tokens[self._place]
            raise FilterError(
                f"filter: {found!r} after {self._tokens[self._place - 1]!r}: put & (and) or | (or) between them"
                if found != ")"
                else "filter: ')' closes nothing; remove it"
            )

    def either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._take("|"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda subject: any(test(subject) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._single(depth)]
        while self._take("&"):
            tests.append(self._single(depth))
        return tests[0] if len(tests) == 1 else lambda subject: all(test(subject) for test in tests)

    def _single(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise FilterError(f"filter: more than {DEEPEST} brackets inside each other; use fewer")
        if self._take("!"):
            inner = self._single(depth + 1)
            return lambda subject: not inner(subject)
        if self._take("("):
            inner = self.either(depth + 1)
            if not self._take(")"):
                raise FilterError("filter: '(' is not closed; add ')'")
            return inner
        return self._term()

    def _term(self) -> Test:
        word = self._next("a word such as ucie or a comparison such as util>80")
        if word in OPERATORS or word in ("&", "|", ")"):
            raise FilterError(f"filter: {word!r} needs a word or a comparison before it, such as util>80")
        if not (self._place < len(self._tokens) and self._tokens[self._place] in OPERATORS):
            low = word.lower()
            return lambda subject: subject.says(low)
        field = word.lower()
        if field not in FIELDS:
            raise FilterError(f"filter: {word!r} cannot be compared; there are {', '.join(FIELDS)}")
        compare = OPERATORS[self._next("an operator")]
        text = self._next(f"a number after {field}")
        try:
            limit = float(text.rstrip("%"))
        except ValueError:
            raise FilterError(f"filter: {text!r} is no number; write {field}>80, say") from None
        return lambda subject: compare(subject.number(field), limit)

    def _take(self, token: str) -> bool:
        found = self._place < len(self._tokens) and self._tokens[self._place] == token
        self._place += found
        return found

    def _next(self, expected: str) -> str:
        if self._place >= len(self._tokens):
            raise FilterError(f"filter: it ends where {expected} should stand")
        self._place += 1
        return self._tokens[self._place - 1]
