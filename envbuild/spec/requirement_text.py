"""The text of requirement files (pip's "Requirements File Format"): lines, options and names of files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from functools import lru_cache

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

# Options that name another file -> whether that one holds constraints.
NESTED: Mapping[str, bool] = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}

_FILE = compile_later(r"(?P<path>[^-\s@;\[][^\s@;\[]*\.(?:txt|in|toml))(?:\[(?P<groups>[^\]]*)\])?\Z")
_QUOTES = compile_later(r"[\"'\\]")
_COMMENT = compile_later(r"(?:^|\s+)#.*$")


def split_file(entry: str) -> tuple[str, tuple[str, ...]] | None:
    """The path and the groups of an entry that names a file (`pyproject.toml[dev]`); None for any other."""
    match = _FILE.match(entry.strip())
    if match is None:
        return None
    groups = (each.strip() for each in (match["groups"] or "").split(","))
    return match["path"], tuple(filter(None, groups))


# A file that many targets share is cut into lines once.
@lru_cache(maxsize=256)
def logical_lines(text: str) -> tuple[tuple[int, str], ...]:
    """Lines with continuations joined and comments gone, each with the number of its first line."""
    return tuple(_join_lines(text))


def _join_lines(text: str) -> Iterator[tuple[int, str]]:
    parts: list[str] = []
    begin = 0
    for number, line in enumerate(text.splitlines(), 1):
        begin = begin if parts else number
        # A comment ends a continued line: pip reads a backslash in a comment as text.
        comment = _COMMENT.search(line)
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        parts.append(line[: comment.start()] if comment else line)
        if joined := "".join(parts).strip():
            yield begin, joined
        parts = []
    if joined := "".join(parts).strip():
        yield begin, joined


def split_option(line: str) -> tuple[str, str]:
    """`-r x`, `-rx`, `--requirement x` and `--requirement=x` as option and value; raises SpecError."""
    try:
        # Only where something is quoted does a shell's reading differ, and it is slow.
        words = shlex.split(line) if _QUOTES.search(line) else line.split()
    except ValueError:
        raise SpecError(f"`{excerpt(line)}` has an unclosed quote") from None
    first, rest = words[0], " ".join(words[1:])
    if first.startswith("--"):
        option, equals, value = first.partition("=")
        return option, value if equals else rest
    return first[:2], first[2:] or rest


def is_path(line: str) -> bool:
    """Whether a line is a path (pip: it has a separator and no name or scheme before)."""
    if "://" in line or "@" in line:
        return False
    return line.startswith((".", "/", "~")) or (".whl" in line and line.split(None, 1)[0].endswith(".whl"))
