"""Which files a target's requirements are read from, found without judging what stands in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from envbuild.core.errors import SpecError
from envbuild.spec.requirement_text import NESTED, is_path, logical_lines, split_file, split_option


class RequirementFiles:
    """Follows `-r`, `-c` and paths of wheels through requirement files, reading each file once."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[str, ...]] = {}

    def find(self, entries: Iterable[str], folder: str) -> frozenset[str]:
        """The real paths of all files that `entries` (of a `pip` attribute) come from, there or not."""
        found: set[str] = set()
        pending = [path for entry in entries for path in _of_entry(entry, folder)]
        while pending:
            path = pending.pop()
            if path not in found:
                found.add(path)
                pending += self._names(path)
        return frozenset(found)

    def _names(self, path: str) -> tuple[str, ...]:
        if path not in self._named:
            self._named[path] = tuple(_of_file(path))
        return self._named[path]


def _of_entry(entry: str, folder: str) -> Iterator[str]:
    named = split_file(entry)
    if named:
        yield _real(folder, named[0])
    else:
        yield from _of_line(entry, folder)


def _of_file(path: str) -> Iterator[str]:
    """What a requirement file names; nothing where it cannot be read: that is for who needs its contents."""
    if path.endswith((".whl", ".tar.gz", ".toml")):
        return
    try:
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123 (there are many of them)
            text = file.read()
    except (OSError, ValueError):  # also what is not UTF-8, or no path
        return
    for _, line in logical_lines(text):
        yield from _of_line(line, os.path.dirname(path))  # noqa: PTH120


def _of_line(line: str, folder: str) -> Iterator[str]:
    if line.startswith("-"):
        try:
            option, value = split_option(line)
        except SpecError:
            return
        if option in NESTED:
            yield _real(folder, value)
    elif line and is_path(line):
        yield _real(folder, line)


def _real(folder: str, name: str) -> str:
    try:
        return os.path.realpath(f"{folder}/{name}")
    except (OSError, ValueError):  # no file can have that name: who reads the requirements says so
        return f"{folder}/{name}"
