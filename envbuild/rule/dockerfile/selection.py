"""Which files of a context a source names, and where below the destination they go."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.spec.dockerfile.context import ContextEntry
from envbuild.spec.dockerfile.patterns import (
    compile_glob,
    compile_tree,
    has_wildcard,
    is_ignored,
    read_exclusions,
    split_pattern,
)
from envbuild.spec.problems import suggest_near

_ROOT: Final = ""
_MAX_LINKS: Final = 40  # as Linux has it (path_resolution(7))


@dataclass(frozen=True, slots=True)
class Selected:
    """An entry of the context and its path below the destination; "" = it is the destination itself.

    `is_source` says that a source names it, rather than a folder above it.
    """

    entry: ContextEntry
    below: str
    is_source: bool = False


def select_entries(
    sources: Sequence[str],
    files: Sequence[ContextEntry],
    excluded: Sequence[str] = (),
    *,
    parents: bool = False,
) -> tuple[Selected, ...]:
    """What COPY takes: of a folder its contents, of a file the file.

    A source with wildcards may match nothing, as with BuildKit: `package-lock.json*` is one that need not be
    there. Raises SpecError where another names nothing.
    """
    by_path = {entry.path: entry for entry in files}
    refused = read_exclusions(excluded)
    select = _select_with_parents if parents else _select
    found: dict[str, Selected] = {}
    for source in sources:
        for selected in select(source, by_path):
            if not selected.below or not is_ignored(refused, selected.below):
                found[selected.below] = selected
    return tuple(found[below] for below in sorted(found))


def _select(source: str, by_path: Mapping[str, ContextEntry]) -> Iterator[Selected]:
    path = _clean(source)
    for root in _match(path, by_path) if has_wildcard(path) else [path]:
        yield from _take(root, by_path)


def _match(pattern: str, by_path: Mapping[str, ContextEntry]) -> Iterator[str]:
    """What a pattern names; the folder before its first wildcard must be there, and may be a link."""
    named, below = split_pattern(pattern)
    folder = resolve_source(named, by_path)
    prefix, matches = f"{folder}/" if folder else "", compile_glob(below).fullmatch
    return (known for known in by_path if known.startswith(prefix) and matches(known.removeprefix(prefix)))


def _select_with_parents(source: str, by_path: Mapping[str, ContextEntry]) -> Iterator[Selected]:
    """What a source gives with its path, which begins behind `/./` where that is in it."""
    above, pivot, named = source.partition("/./")
    root = resolve_source(above, by_path) if pivot else _ROOT
    pattern, prefix = _clean(named if pivot else source), f"{root}/" if root else ""
    matches = compile_tree(pattern).regex.match
    found = [path for path in by_path if path.startswith(prefix) and matches(path.removeprefix(prefix))]
    if pattern and not found and not has_wildcard(pattern):
        raise _missing(source, prefix + pattern, by_path)
    for path in found if pattern else by_path:
        if path.startswith(prefix):
            yield Selected(by_path[path], path.removeprefix(prefix), is_source=path == prefix + pattern)


def resolve_source(source: str, by_path: Mapping[str, ContextEntry]) -> str:
    """The path in the context that a source names, by way of links; raises SpecError for nothing."""
    done: list[str] = []
    parts, links = _clean(source).split("/")[::-1], 0
    while parts:
        part = parts.pop()
        if part == "..":
            done = done[:-1]
        elif part not in ("", "."):
            entry = by_path.get("/".join((*done, part)))
            if entry is None or not entry.target:
                done.append(part)
                continue
            links += 1
            done = [] if entry.target.startswith("/") else done
            parts += entry.target.split("/")[::-1]
        if links > _MAX_LINKS:
            raise SpecError(f"`{source}` leads through too many links")
    path = "/".join(done)
    if path != _ROOT and path not in by_path:
        raise _missing(source, path, by_path)
    return path


def _missing(source: str, path: str, by_path: Mapping[str, ContextEntry]) -> SpecError:
    near = suggest_near(path, by_path)
    return SpecError(f"`{source}` is not in the context", hint=near or "check `.dockerignore`")


def _take(named: str, by_path: Mapping[str, ContextEntry]) -> Iterator[Selected]:
    """What a source gives: links that it leads through are followed, those below a folder are not."""
    root = resolve_source(named, by_path)
    entry = by_path.get(root)
    if entry and not entry.is_folder:
        yield Selected(entry, posixpath.basename(named), is_source=True)
        return
    yield Selected(entry or ContextEntry(_ROOT), _ROOT)
    prefix = f"{root}/" if root else ""
    for path, below in by_path.items():
        if path.startswith(prefix):
            yield Selected(below, path.removeprefix(prefix))


def _clean(source: str) -> str:
    """A path within the context: what leads out of it stops at its root, as in Docker."""
    return posixpath.normpath("/" + source).lstrip("/")
