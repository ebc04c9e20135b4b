"""Which suites of its distribution a root's own apt takes packages from (sources.list(5)).

What others than the distribution offer is left out, and so are suites that apt takes nothing from
unless it is told to (`NotAutomatic` in their release files): backports, and Ubuntu's proposals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from envbuild.archive.apt_entries import AptEntry, read_entries
from envbuild.archive.root_scan import RootScan
from envbuild.core.pattern import compile_later

_SOURCES: Final = "etc/apt/sources.list"
_PREFERENCES: Final = "etc/apt/preferences"
# What apt reads in the folders beside them: it passes over all that is called otherwise.
_SOURCES_PART: Final = compile_later(r"[A-Za-z0-9_.-]+\.(?:list|sources)\Z")
_PREFERENCES_PART: Final = compile_later(r"(?:[A-Za-z0-9_-]+|[A-Za-z0-9_.-]+\.pref)\Z")
_PIN: Final = compile_later(rb"^pin[ \t]*:", re.IGNORECASE | re.MULTILINE)
_SUITE: Final = compile_later(
    r"([a-z][a-z0-9-]*?)"
    r"(/updates|-updates|-security|-proposed-updates|(-backports|-backports-sloppy|-proposed))?\Z"
)
# Each means another code name one day: what an image has is of the one that it was then.
_MOVING: Final = ("stable", "oldstable", "oldoldstable", "testing")
_UNSTABLE: Final = "sid"


def is_of_apt(path: str) -> bool:
    """Whether a file's contents are needed to tell the suites."""
    return path in (_SOURCES, _PREFERENCES) or path.startswith((f"{_SOURCES}.d/", f"{_PREFERENCES}.d/"))


def find_suites(root: RootScan, code: str, architecture: str) -> dict[str, str]:
    """`suites` and `components` of the distribution with this code name, sorted, with blanks between.

    `left_out` are the files that name something else besides, and those by which apt prefers some
    packages to others. Each is there where there is something to tell.
    """
    entries = [(path, each) for path, each in _read_all(root) if _concerns(each, architecture)]
    stems, name = _choose_stems((each for _, each in entries), code)
    suites, components, left_out = set[str](), set[str](), set(_find_preferences(root))
    for path, entry in entries:
        for match in map(_SUITE.match, entry.suites):
            if not (match and match[1] in stems and entry.is_archive):
                left_out.add(path)
            elif not match[3]:
                suites.add(name + (match[2] or ""))
                components.update(entry.components)
    found = {"suites": suites, "components": components, "left_out": {f"/{path}" for path in left_out}}
    return {key: " ".join(sorted(words)) for key, words in found.items() if words}


def _choose_stems(entries: Iterable[AptEntry], code: str) -> tuple[tuple[str, ...], str]:
    """How the distribution's suites begin here, and the name to give them: what is plainest counts."""
    matches = [_SUITE.match(suite) for each in entries if each.is_archive for suite in each.suites]
    there = {match[1] for match in matches if match}
    for stems, name in (((code,), code), ((_UNSTABLE, "unstable"), _UNSTABLE), (_MOVING, code)):
        if name and not there.isdisjoint(stems):
            return stems, name
    return (), ""


def _concerns(entry: AptEntry, architecture: str) -> bool:
    """Whether apt asks it: discs are in no drive here."""
    disc = any(url.startswith("cdrom:") for url in entry.urls)
    return not disc and architecture in (entry.architectures or (architecture,))


def _read_all(root: RootScan) -> Iterator[tuple[str, AptEntry]]:
    for path in _files(root, _SOURCES, _SOURCES_PART):
        for entry in read_entries(path, root.read(path).decode("utf-8", "replace")):
            yield path, entry


def _find_preferences(root: RootScan) -> Iterator[str]:
    files = _files(root, _PREFERENCES, _PREFERENCES_PART)
    return (path for path in files if _PIN.search(root.read(path)))


def _files(root: RootScan, single: str, part: re.Pattern[str]) -> Iterator[str]:
    """A file, and those in the folder that is called as it is."""
    yield single
    yield from (f"{single}.d/{name}" for name in root.names(f"{single}.d") if part.match(name))
