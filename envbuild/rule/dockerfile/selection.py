"""Which files of a context a source names, and where below the destination they go."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.spec.dockerfile.context import ContextEntry
from envbuild.spec.dockerfile.patterns import compile_glob, has_wildcard
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
    """What COPY takes: of a folder its contents, of a file the file; raises SpecError for nothing."""
    by_path = {entry.path: entry for entry in files}
    refused = [compile_glob(_clean(pattern)) for pattern in excluded]
    found: dict[str, Selected] = {}
    for source in sources:
        for selected in _select(source, by_path, parents=parents):
            if not any(_matches(pattern, selected) for pattern in refused):
                found[selected.below] = selected
    return tuple(found[below] for below in sorted(found))


def _select(source: str, by_path: dict[str, ContextEntry], *, parents: bool) -> Iterator[Selected]:
    path = _clean(source)
    if has_wildcard(path):
        matches = compile_glob(path).fullmatch
        roots = [known for known in by_path if matches(known)]
        if not roots:
            raise SpecError(f"`{source}` matches nothing in the context", hint="check `.dockerignore`")
    else:
        roots = [path]
    for root in roots:
        yield from _take(root, by_path, parents=parents)


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
        near = suggest_near(path, by_path)
        raise SpecError(f"`{source}` is not in the context", hint=near or "check `.dockerignore`")
    return path


def _take(named: str, by_path: dict[str, ContextEntry], *, parents: bool) -> Iterator[Selected]:
    """What a source gives: links that it leads through are followed, those below a folder are not."""
    root = resolve_source(named, by_path)
    entry = by_path.get(root)
    if entry and not entry.is_folder:
        yield Selected(entry, named if parents else posixpath.basename(named), is_source=True)
        return
    prefix = f"{root}/" if root else ""
    for path, below in by_path.items():
        if path.startswith(prefix):
            yield Selected(below, path if parents else path.removeprefix(prefix))


def _matches(pattern: re.Pattern[str], selected: Selected) -> bool:
    """Whether an exclusion names the entry, or a folder above it."""
    parts = selected.below.split("/")
    return any(pattern.fullmatch("/".join(parts[: n + 1])) for n in range(len(parts)))


def _clean(source: str) -> str:
    """A path within the context: what leads out of it stops at its root, as in Docker."""
    return posixpath.normpath("/" + source).lstrip("/")
