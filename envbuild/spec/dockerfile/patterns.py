"""Patterns of Docker: those of COPY (Go's filepath.Match), and those of .dockerignore with `**` and `!`.

`--exclude` and `--parents` have the latter, too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError
from envbuild.core.pattern import compile_later

_WORDS: Final = compile_later(
    r"(?P<deep>\*\*/?)|(?P<star>\*)|(?P<one>\?)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\[)"
    r"|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)
_WILDCARD: Final = compile_later(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """A line of a .dockerignore, or the like; it matches a path and all below it."""

    regex: re.Pattern[str]
    negated: bool


def compile_glob(pattern: str) -> re.Pattern[str]:
    """A source of COPY for whole paths: `*` and `?` stop at slashes, and so does `**`. Raises SpecError."""
    return _compile(re.sub(r"\*+", "*", pattern))


def has_wildcard(path: str) -> bool:
    """Whether a source is a pattern rather than a path."""
    return bool(_WILDCARD.search(path))


def split_pattern(pattern: str) -> tuple[str, str]:
    """The folder that a source of COPY names before its first wildcard, and the pattern below it."""
    match = _WILDCARD.search(pattern)
    cut = pattern.rfind("/", 0, match.start()) if match else -1
    return (pattern[:cut], pattern[cut + 1 :]) if cut >= 0 else ("", pattern)


def compile_tree(pattern: str) -> IgnorePattern:
    """A clean pattern, with `**`, for paths and all below them; raises SpecError."""
    negated = pattern.startswith("!")
    glob = _compile(pattern.removeprefix("!"))
    return IgnorePattern(re.compile(f"(?:{glob.pattern})(?:/|\\Z)", re.DOTALL), negated)


def read_exclusions(patterns: Sequence[str]) -> tuple[IgnorePattern, ...]:
    """The values of `--exclude`, for paths below what is copied; raises SpecError."""
    return tuple(compile_tree(posixpath.normpath(pattern)) for pattern in patterns)


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
    if text == "!":
        raise SpecError("`!` takes nothing back in", location=location, hint="name it behind the `!`")
    mark = "!" if text.startswith("!") else ""
    cleaned = posixpath.normpath(text.removeprefix("!").strip()).lstrip("/")
    if cleaned in ("", "."):
        return
    try:
        yield compile_tree(mark + cleaned)
    except SpecError as error:
        raise SpecError(error.message, hint=error.hint, location=location) from None


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("".join(_translate(pattern)), re.DOTALL)
    except re.error as error:
        raise SpecError(f"`{pattern[:80]}` is no pattern: {error.msg}") from None


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
            yield "(?!/)" + _translate_set(word[0])
        elif kind == "open":
            raise SpecError(
                f"`{pattern[:80]}` is no pattern: a bracket is not closed",
                hint="write `\\[` for the character",
            )
        else:
            yield re.escape(word["escaped"] or word["plain"])


def _translate_set(text: str) -> str:
    """A set of characters and ranges; no other character of it means anything to `re`."""
    body = text[1:-1]
    if "--" in body:
        raise SpecError(f"`{text[:80]}` is no set of characters", hint="write `\\-` for the character")
    mark = "^" if body.startswith("^") else ""
    escaped = re.sub(
        r"\\(.)|(-)|(.)",
        lambda part: "-" if part[2] else re.escape(part[1] or part[3]),
        body.removeprefix("^"),
        flags=re.DOTALL,
    )
    return f"[{mark}{escaped}]"
