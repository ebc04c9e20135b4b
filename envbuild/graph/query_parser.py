"""The query language's grammar: text -> expression, every error with its column.

    expression = term {operator term}
    operator   = "+" | "union" | "-" | "except" | "^" | "intersect"
    term       = pattern | "(" expression ")" | "set(" {pattern} ")" | function "(" arguments ")"

Operators bind equally and to the left, as in Bazel's query language. An operator's sign has a
space or a bracket behind it: within a word it belongs to the word (`//a-b:c`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError, UsageError
from envbuild.core.label import Pattern
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.graph.query_syntax import (
    Combined,
    Dependencies,
    Dependents,
    Expression,
    Named,
    OfKind,
    Operator,
    Paths,
    WithAttribute,
)
from envbuild.spec.problems import suggest

MAX_DEPTH = 100

_TOKEN = compile_later(
    r"(?P<mark>[(),])|(?P<sign>[+^-])(?=[\s(]|\Z)|(?P<quoted>\"[^\"]*\"|'[^']*')|(?P<word>[^\s(),\"'+^-][^\s(),\"']*)"
)
_WORD_OPERATORS = {"union": Operator.UNION, "except": Operator.EXCEPT, "intersect": Operator.INTERSECT}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    location: Location


def parse_query(text: str, package: str) -> Expression:
    """Read an expression, with patterns as seen from the folder `package`; raises UsageError."""
    return _Parser(list(_tokens(text)), package).parse()


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while rest := text[at:].lstrip():
        at = len(text) - len(rest)
        location = Location("query", 1, at + 1)
        match = _TOKEN.match(text, at)
        if match is None:
            hint = "put spaces around an operator, and close every quote"
            raise UsageError(f"cannot read `{excerpt(rest)}`", hint=hint, location=location)
        kind = match.lastgroup or ""
        yield _Token(kind, match[kind][1:-1] if kind == "quoted" else match[kind], location)
        at = match.end()
    yield _Token("end", "", Location("query", 1, len(text) + 1))


class _Parser:
    """Reads tokens from left to right; each method takes what its name says."""

    def __init__(self, tokens: list[_Token], package: str) -> None:
        self._tokens = tokens
        self._package = package
        self._at = 0
        self._depth = 0

    def parse(self) -> Expression:
        expression = self.expression()
        if self._next.kind != "end":
            self._fail("an operator or the end")
        return expression

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UsageError(f"nested deeper than {MAX_DEPTH} levels", location=self._next.location)
        left = self._term()
        while operator := self._operator():
            left = Combined(operator, left, self._term())
        self._depth -= 1
        return left

    def dependencies(self) -> Expression:
        return Dependencies(self.expression(), self._optional_depth())

    def dependents(self) -> Expression:
        universe = self.expression()
        self._mark(",")
        return Dependents(universe, self.expression(), self._optional_depth())

    def of_kind(self) -> Expression:
        regex = self._regex()
        self._mark(",")
        return OfKind(regex, self.expression())

    def with_attribute(self) -> Expression:
        name = self._text("an attribute's name").text
        self._mark(",")
        regex = self._regex()
        self._mark(",")
        return WithAttribute(name, regex, self.expression())

    def all_paths(self) -> Expression:
        return self._paths(every=True)

    def some_path(self) -> Expression:
        return self._paths(every=False)

    def listed(self) -> Expression:
        patterns = []
        while self._next.kind in ("word", "quoted"):
            patterns.append(self._pattern(self._take()))
        return Named(tuple(patterns))

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _operator(self) -> Operator | None:
        token = self._next
        if token.kind == "sign":
            return Operator(self._take().text)
        if token.kind == "word" and token.text in _WORD_OPERATORS:
            return _WORD_OPERATORS[self._take().text]
        return None

    def _term(self) -> Expression:
        if self._is_mark("("):
            self._mark("(")
            inner = self.expression()
            self._mark(")")
            return inner
        token = self._text("a pattern, a function or `(`")
        if token.kind == "word" and self._is_mark("("):
            return self._call(token)
        return Named((self._pattern(token),))

    def _call(self, name: _Token) -> Expression:
        parse = _FUNCTIONS.get(name.text)
        if parse is None:
            hint = suggest(name.text, _FUNCTIONS)
            raise UsageError(
                f"there is no function `{excerpt(name.text)}`", hint=hint, location=name.location
            )
        self._mark("(")
        expression = parse(self)
        self._mark(")")
        return expression

    def _paths(self, *, every: bool) -> Expression:
        start = self.expression()
        self._mark(",")
        return Paths(start, self.expression(), every)

    def _pattern(self, token: _Token) -> tuple[Pattern, Location]:
        try:
            pattern = Pattern.parse(token.text, package=self._package)
        except SpecError as error:
            raise UsageError(error.message, hint=error.hint, location=token.location) from None
        if pattern.excluded:
            hint = "take sets from each other: `x - y`"
            raise UsageError("a query has no exclusions", hint=hint, location=token.location)
        return pattern, token.location

    def _regex(self) -> re.Pattern[str]:
        token = self._text("a regular expression")
        try:
            return re.compile(token.text)
        except (re.error, OverflowError, RecursionError) as error:
            reason = (
                error.msg if isinstance(error, re.error) else "it is nested too deeply, or counts too far"
            )
            message = f"`{excerpt(token.text)}` is no regular expression: {reason}"
            hint = "quote it" if token.kind == "word" else ""
            raise UsageError(message, hint=hint, location=token.location) from None

    def _optional_depth(self) -> int | None:
        if not self._is_mark(","):
            return None
        self._mark(",")
        token = self._text("a number of steps")
        if not re.fullmatch(r"[0-9]{1,9}", token.text):
            raise UsageError(f"`{excerpt(token.text)}` is no number of steps", location=token.location)
        return int(token.text)

    def _text(self, wanted: str) -> _Token:
        if self._next.kind not in ("word", "quoted"):
            self._fail(wanted)
        return self._take()

    def _is_mark(self, mark: str) -> bool:
        return self._next.kind == "mark" and self._next.text == mark

    def _mark(self, mark: str) -> None:
        if not self._is_mark(mark):
            self._fail(f"`{mark}`")
        self._take()

    def _fail(self, wanted: str) -> NoReturn:
        found = f"`{excerpt(self._next.text)}`" if self._next.kind != "end" else "the end"
        raise UsageError(f"expected {wanted}, not {found}", location=self._next.location)


_FUNCTIONS: Mapping[str, Callable[[_Parser], Expression]] = {
    "deps": _Parser.dependencies,
    "rdeps": _Parser.dependents,
    "kind": _Parser.of_kind,
    "attr": _Parser.with_attribute,
    "allpaths": _Parser.all_paths,
    "somepath": _Parser.some_path,
    "set": _Parser.listed,
}
