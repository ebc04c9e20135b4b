"""Patterns of Docker: those of COPY (Go's filepath.Match) and those of .dockerignore (with `**` and `!`)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError

_WORDS: Final = re.compile(
    r"(?P<deep>\*\*/?)|(?P<star>\*)|(?P<one>\?)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """A line of a .dockerignore; it matches a path and all below it."""

    regex: re.Pattern[str]
    negated: bool


def compile_glob(pattern: str) -> re.Pattern[str]:
    """A pattern for whole paths; `*` and `?` stop at slashes, `**` does not. Raises SpecError."""
    try:
        return re.compile("".join(_translate(pattern)), re.DOTALL)
    except re.error as error:
        raise SpecError(f"`{pattern[:80]}` is no pattern: {error.msg}") from None


def has_wildcard(path: str) -> bool:
    """Whether a source is a pattern rather than a path."""
    return bool(re.search(r"[*?\[\\]", path))


def read_ignore_file(text: str, file: str) -> tuple[IgnorePattern, ...]:
    """The patterns of a .dockerignore, in order; raises SpecError."""
    lines = enumerate(text.removeprefix("\ufeff").splitlines(), 1)
    return tuple(rule for number, line in lines for rule in _read_line(line, Location(file, number)))


def is_ignored(patterns: Sequence[IgnorePattern], path: str) -> bool:
    """Whether the last pattern that matches a path, or a folder above it, leaves it out."""
    for pattern in reversed(patterns):
        if pattern.regex.match(path):
            return not pattern.negated
    return False


def _read_line(line: str, location: Location) -> Iterator[IgnorePattern]:
    if line.startswith("#") or not line.strip():
        return
    text = line.strip()
    negated = text.startswith("!")
    cleaned = posixpath.normpath("/" + text.removeprefix("!").strip()).lstrip("/")
    if cleaned in ("", "."):
        return
    try:
        glob = compile_glob(cleaned)
    except SpecError as error:
        raise SpecError(error.message, location=location) from None
    yield IgnorePattern(re.compile(f"(?:{glob.pattern})(?:/|\\Z)", re.DOTALL), negated)


def _translate(pattern: str) -> Iterator[str]:
    for word in _WORDS.finditer(pattern):
        kind = word.lastgroup
        if kind == "deep":
            yield "(?:.*/)?" if word[0].endswith("/") else ".*"
        elif kind == "star":
            yield "[^/]*"
        elif kind == "one":
            yield "[^/]"
        elif kind == "set":
            yield "(?!/)" + word[0]
        else:
            yield re.escape(word["escaped"] or word["plain"])
