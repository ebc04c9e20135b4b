"""Files below a folder that match a glob: `*`, `?`, `[...]` in a name, and `**` for any folders."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.spec.place import Found, Place

_MAGIC = compile_later(r"[*?\[]")


def is_glob(path: str) -> bool:
    """Whether a path is a glob."""
    return bool(_MAGIC.search(path))


def split_glob(path: str) -> tuple[str, str]:
    """The leading folder without wildcards, and the rest."""
    parts = path.split("/")
    fixed = next((n for n, part in enumerate(parts) if is_glob(part)), len(parts))
    return "/".join(parts[:fixed]), "/".join(parts[fixed:])


def expand_glob(place: Place, folder: str, pattern: str) -> list[Found]:
    """The files below `folder` that match, each once, sorted by path; ignored ones are left out.

    Raises SpecError for a link that leads out of the workspace, nowhere, or back to a folder above it.
    """
    segments = pattern.split("/")
    # `**/**` is `**`: without this, equal walks would multiply.
    pruned = [part for n, part in enumerate(segments) if part != "**" or segments[n - 1 : n] != ["**"]]
    start = place.require(folder)
    found = {file.name: file for file in _walk(place, start, pruned, (start.real,))}
    return [found[name] for name in sorted(found)]


def _walk(place: Place, folder: Found, segments: Sequence[str], above: tuple[str, ...]) -> Iterator[Found]:
    head, rest = segments[0], segments[1:]
    anywhere = head == "**"
    if anywhere and rest:
        yield from _walk(place, folder, rest, above)
    matches = re.compile(fnmatch.translate("*" if anywhere else head)).match
    below = segments if anywhere else rest
    for base in filter(matches, place.list(folder.name)):
        name = f"{folder.name}/{base}" if folder.name else base
        # Asked before a link is followed: an ignored one may lead anywhere.
        is_folder = (place.root / name).is_dir()
        if place.ignored.covers(name, is_folder=is_folder):
            continue
        if is_folder and below:
            child = place.require(name)
            yield from _walk(place, child, below, _descend(child, above))
        elif not is_folder and not rest:
            yield _file(place, name)


def _file(place: Place, name: str) -> Found:
    found = place.find(name)
    if found is None:
        raise SpecError(f"`{name}` is a symbolic link that leads nowhere", hint="mend or remove it")
    if not found.is_file:
        raise SpecError(f"`{name}` is neither a file nor a folder", hint="add it to `.envbuildignore`")
    return found


def _descend(child: Found, above: tuple[str, ...]) -> tuple[str, ...]:
    if child.real in above:
        raise SpecError(
            f"`{child.name}` leads back to a folder above it by a symbolic link",
            hint="remove the link, or add it to `.envbuildignore`",
        )
    return (*above, child.real)
