"""The builtin that finds paths which two packages of an image claim with different bytes."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

from envbuild.archive.listing import Conflict, compare_contents, find_overlaps, parse_listing
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import CHECKED, LAYER, LISTING

_SHOWN = 5


def check_paths(job: Job) -> None:
    """Succeed where no two packages own one path with different bytes; raises BuildError that names both."""
    owners: list[str] = job.parameters["owners"]
    overriding = {str(n) for n in job.parameters["overriding"]}
    numbered = [
        (str(n), parse_listing(job.inputs[f"{n:04}/{LISTING}"].read_bytes())) for n in range(len(owners))
    ]
    overlaps = find_overlaps(numbered)
    reader = _Reader(job.inputs)
    differing = compare_contents(_without(overlaps.candidates, overriding), reader.read)
    conflicts = (*_without(overlaps.conflicts, overriding), *differing)
    if conflicts:
        raise BuildError(
            _describe(conflicts, owners), hint="drop one of the packages, or pin versions that agree"
        )
    job.outputs[CHECKED].write(b"no two packages own one path with different bytes\n")


def _without(conflicts: tuple[Conflict, ...], overriding: set[str]) -> tuple[Conflict, ...]:
    return tuple(each for each in conflicts if not overriding.intersection(each.owners))


def _describe(conflicts: tuple[Conflict, ...], owners: list[str]) -> str:
    lines = []
    for conflict in conflicts[:_SHOWN]:
        first, second = (owners[int(number)] for number in conflict.owners)
        lines.append(f"`{first}` and `{second}` both own `/{conflict.path}`, with different contents")
    if len(conflicts) > _SHOWN:
        lines.append(f"and {len(conflicts) - _SHOWN} more such paths")
    return "\n".join(lines)


class _Reader:
    """Reads single files out of packages' layers, for the few paths that two of them own."""

    def __init__(self, inputs: Mapping[str, Path]) -> None:
        self._inputs = inputs

    def read(self, number: str, path: str) -> bytes:
        """The contents of a file of the package with this number."""
        with tarfile.open(self._inputs[f"{int(number):04}/{LAYER}"], "r:gz") as archive:
            file = archive.extractfile(path)
            assert file is not None, "the listing says that it is a file"
            return file.read()
