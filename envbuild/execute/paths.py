"""The builtin that finds paths which two packages of an image claim with different bytes."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from envbuild.archive.listing import (
    Conflict,
    Entry,
    Kind,
    compare_contents,
    find_overlaps,
    folders_above,
    parse_listing,
    share_folders_only,
)
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import CHECKED, LAYER, LISTING

_SHOWN = 5
_CHUNK = 1 << 20


def check_paths(job: Job) -> None:
    """Succeed where no two packages own one path with different bytes; raises BuildError that names both."""
    owners: list[str] = job.parameters["owners"]
    listings = [job.inputs[f"{n:04}/{LISTING}"].read_bytes() for n in range(len(owners))]
    conflicts = [] if share_folders_only(listings) else _find_conflicts(job, listings)
    if conflicts:
        raise BuildError(_describe(conflicts, owners), hint=_advise(conflicts, owners))
    job.outputs[CHECKED].write(b"no two packages own one path with different bytes\n")


def _find_conflicts(job: Job, texts: Iterable[bytes]) -> Sequence[Conflict]:
    """The paths with two owners that differ, but for those that are meant."""
    listings = [parse_listing(text) for text in texts]
    allowed = _Overriding(
        frozenset(job.parameters["overriding"]),
        tuple(map(_folders, listings)),
        folders_above(entry.path for listing in listings for entry in listing),
    )
    overlaps = find_overlaps([(str(n), listing) for n, listing in enumerate(listings)])
    candidates = list(_without(overlaps.candidates, allowed))
    differing = compare_contents(candidates, _read_digests(candidates, job.inputs))
    return sorted((*_without(overlaps.conflicts, allowed), *differing))


@dataclass(frozen=True, slots=True)
class _Overriding:
    """Which conflicts are meant: an owner that overrides puts a file in the place of one below it.

    A folder in the place of a link or file, or the reverse, is never meant: it hides what lies there.
    A folder with nothing in it may go: Debian's `base-files` ships `/var/run` as one, to become a link.
    """

    overriding: frozenset[int]
    folders: Sequence[frozenset[str]]  # of each owner
    filled: Collection[str]  # folders that somebody has something in

    def __contains__(self, conflict: Conflict) -> bool:
        lower, upper = sorted(map(int, conflict.owners))
        gone = conflict.path in self.folders[lower] and conflict.path in self.filled
        hides = gone or conflict.path in self.folders[upper]
        return upper in self.overriding and not hides


def _folders(listing: Iterable[Entry]) -> frozenset[str]:
    return frozenset(entry.path for entry in listing if entry.kind is Kind.DIRECTORY)


def _without(conflicts: Iterable[Conflict], allowed: _Overriding) -> Iterator[Conflict]:
    return (conflict for conflict in conflicts if conflict not in allowed)


def _describe(conflicts: Sequence[Conflict], owners: Sequence[str]) -> str:
    lines = []
    for conflict in conflicts[:_SHOWN]:
        first, second = (owners[int(number)] for number in conflict.owners)
        lines.append(f"`{first}` and `{second}` both own `/{conflict.path}`, with different contents")
    if len(conflicts) > _SHOWN:
        lines.append(f"and {len(conflicts) - _SHOWN} more such paths")
    return "\n".join(lines)


def _advise(conflicts: Sequence[Conflict], owners: Sequence[str]) -> str:
    named = {owners[int(number)] for conflict in conflicts for number in conflict.owners}
    if all(owner.endswith("(conda)") for owner in named):
        return "drop one of them, or name the one whose files are to win in `conda_overrides`"
    return "drop one of them, pin versions that agree, or give your own files other destinations"


def _read_digests(candidates: Iterable[Conflict], inputs: Mapping[str, Path]) -> Callable[[str, str], bytes]:
    """What tells the sha256 of a package's file, for those that candidates name.

    Each layer is read once: two builds of one library share hundreds of files.
    """
    wanted: dict[str, set[str]] = {}
    for candidate in candidates:
        for number in candidate.owners:
            wanted.setdefault(number, set()).add(candidate.path)
    known = {
        (number, path): digest
        for number, paths in wanted.items()
        for path, digest in _hash_files(inputs[f"{int(number):04}/{LAYER}"], paths)
    }
    return lambda number, path: known[number, path]


def _hash_files(layer: Path, paths: set[str]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(layer, "r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name in paths else None
            if file is not None:
                yield member.name, _hash(file)


def _hash(file: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.digest()
