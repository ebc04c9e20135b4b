"""gitignore's patterns (gitignore(5), "PATTERN FORMAT"), asked about files and folders alike.

Our own, because a walk that leaves out whole folders must know about folders what git knows;
the library for this, pathspec, answers for files only and takes `!*/` for no word on a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError
from envbuild.core.pattern import compile_later

_WORDS = compile_later(
    r"(?P<any_folders>(?:(?<=/)|\A)\*\*/)|(?P<all_below>(?:(?<=/)|\A)\*\*\Z)|(?P<stars>\*+)|(?P<one>\?)|"
    r"(?P<set>\[[!^]?\]?(?:\\.|[^\]\\])*\])|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """A pattern: `regex` is for whole paths if `anchored`, else for the last part of one."""

    regex: re.Pattern[str]
    anchored: bool
    negated: bool
    folders_only: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether the pattern matches this very path."""
        if self.folders_only and not is_folder:
            return False
        return self.regex.fullmatch(path if self.anchored else path.rpartition("/")[2]) is not None


def parse_rules(text: str, file: str) -> tuple[IgnoreRule, ...]:
    """The rules of an ignore file, in the order written; raises SpecError."""
    lines = enumerate(text.split("\n"), 1)
    return tuple(rule for number, line in lines for rule in _parse(line, Location(file, number)))


def is_ignored(rules: Sequence[IgnoreRule], path: str, *, is_folder: bool) -> bool:
    """Whether the last rule that matches a path ignores it; no folder above it may be ignored."""
    for rule in reversed(rules):
        if rule.matches(path, is_folder=is_folder):
            return not rule.negated
    return False


def _parse(line: str, location: Location) -> Iterator[IgnoreRule]:
    pattern = _trim(line.removesuffix("\r"))
    if not pattern or pattern.startswith("#"):
        return
    negated = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    anchored = "/" in pattern
    try:
        regex = re.compile("".join(_translate(pattern.removeprefix("/"))), re.DOTALL)
    except re.error as error:
        raise SpecError(f"`{line}` is no pattern: {error.msg}", location=location) from None
    yield IgnoreRule(regex, anchored, negated, folders_only)


def _trim(line: str) -> str:
    """The line without spaces at its end, but for one behind a backslash."""
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and len(line) > len(bare) else bare


def _translate(pattern: str) -> Iterator[str]:
    for word in _WORDS.finditer(pattern):
        kind = word.lastgroup
        if kind == "any_folders":
            yield "(?:.*/)?"
        elif kind == "all_below":
            yield ".+"
        elif kind == "stars":
            yield "[^/]*"
        elif kind == "one":
            yield "[^/]"
        elif kind == "set":
            yield _translate_set(word["set"])
        else:
            yield re.escape(word["escaped"] or word["plain"])


def _translate_set(text: str) -> str:
    if "[:" in text:
        raise re.error("classes such as [:alpha:] are not supported")
    body = text[1:-1]
    negation = "^" if body[0] in "!^" else ""
    # A backslash stays, as it means the same; other signs of re's sets mean nothing in git's.
    inside = re.sub(r"([\[&|~]|(?<!\\)\^)", r"\\\1", body[len(negation) :])
    return f"(?!/)[{negation}{inside}]"
