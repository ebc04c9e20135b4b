"""What a solver found, and which of a package's wheels is the one for the target."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ResolveError
from envbuild.core.platform import Facts
from envbuild.lock.model import PythonQuestion
from envbuild.lock.tags import rank_wheel
from envbuild.spec.requirement_line import parse_pinned
from envbuild.spec.wheels import LocalWheel


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A wheel or an sdist that a source offers; `url` has no credentials, `sha256` is hex, "" = not told."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A package at the version that a solver chose, with its wheels.

    `source` is the alias of the index, "" for a direct URL. `sdist` is what it is built from, where it
    must be; then there are no wheels.
    """

    name: str
    version: str
    source: str
    files: tuple[WheelFile, ...]
    sdist: WheelFile | None = None


def choose_wheel(candidate: Candidate, question: PythonQuestion, hashes: frozenset[str]) -> WheelFile:
    """The locked wheel while it is still offered, else the one that fits best; raises ResolveError.

    `hashes` are the only ones allowed, where there are any.
    """
    if candidate.sdist:
        _refuse_hash(candidate, [candidate.sdist], hashes)
        return candidate.sdist
    ranked = [(rank_wheel(file.name, question.facts), file) for file in candidate.files]
    fitting = [(rank, file) for rank, file in ranked if rank is not None]
    if not fitting:
        raise no_wheel_fits(candidate.name, candidate.version, question.facts, candidate.files)
    _refuse_hash(candidate, [file for _, file in fitting], hashes)
    allowed = [(rank, file) for rank, file in fitting if not hashes or file.sha256 in hashes]
    locked = question.preferences.get(candidate.name)
    may_move = question.upgrade is None or candidate.name in question.upgrade
    if locked and not may_move:
        for _, file in allowed:
            if (file.name, file.sha256) == (locked.file, locked.sha256):
                return file
    # Two builds of one version: the higher build number, then the name, decides (PEP 427).
    best = min(rank for rank, _ in allowed)
    return max(
        (file for rank, file in allowed if rank == best), key=lambda file: (_build(file.name), file.name)
    )


def _refuse_hash(candidate: Candidate, files: Sequence[WheelFile], hashes: frozenset[str]) -> None:
    """Raise ResolveError where none of the files may be taken."""
    if hashes and hashes.isdisjoint(file.sha256 for file in files):
        what = "source archive" if candidate.sdist else "wheel"
        raise ResolveError(
            f"no {what} of `{candidate.name}` {candidate.version} has one of the hashes that are required",
            hint=f"add the hashes of its {what}s for this platform, or remove the hashes",
        )


def choose_local_wheels(question: PythonQuestion) -> dict[str, LocalWheel]:
    """The workspace's wheel of each name that fits the target best; raises ResolveError."""
    offered: dict[str, list[LocalWheel]] = {}
    for wheel in question.wheels:
        offered.setdefault(wheel.name, []).append(wheel)
    chosen = {}
    for name, wheels in sorted(offered.items()):
        ranked = [(rank, wheel) for wheel in wheels if (rank := _rank_local(wheel, question)) is not None]
        if not ranked:
            files = [WheelFile(wheel.file, "", wheel.sha256) for wheel in wheels]
            raise no_wheel_fits(name, wheels[0].version, question.facts, files)
        best = min(rank for rank, _ in ranked)
        (first, *others) = [
            wheel for rank, wheel in sorted(ranked, key=lambda each: each[1].file) if rank == best
        ]
        if any(other.sha256 != first.sha256 for other in others):
            listed = " and ".join(f"`{wheel.file}`" for wheel in (first, *others))
            raise ResolveError(f"{listed} are wheels of one package", hint="list one of them")
        chosen[name] = first
    return chosen


def _rank_local(wheel: LocalWheel, question: PythonQuestion) -> int | None:
    """How well a file fits, the least best; an sdist does where it is allowed, and less than any wheel."""
    if wheel.is_sdist:
        return sys.maxsize if wheel.name in question.sdists else None
    return rank_wheel(wheel.file, question.facts)


def required_hashes(question: PythonQuestion) -> Mapping[str, frozenset[str]]:
    """The hashes that requirements and constraints allow, by package; several lists must all hold."""
    allowed: dict[str, frozenset[str]] = {}
    for text in (*question.requirements, *question.constraints):
        pinned = parse_pinned(text)
        if pinned.hashes:
            hashes = frozenset(pinned.hashes)
            allowed[pinned.name] = allowed.get(pinned.name, hashes) & hashes
    return allowed


def no_wheel_fits(name: str, version: str, facts: Facts, files: Sequence[WheelFile] = ()) -> ResolveError:
    """The error that a package has wheels, but none for the target."""
    target = f"`{facts.platform}`, {facts.libc}, Python {facts.python.minor if facts.python else '?'}"
    return ResolveError(
        f"no wheel of `{name}` {version}".rstrip() + f" fits the target ({target})",
        hint="require another version, or build a wheel for the target and list it under `wheels`",
        causes=[f"there is `{file.name.rpartition('/')[2]}`" for file in files[:8]],
    )


def _build(file: str) -> tuple[int, str] | tuple[()]:
    from packaging.utils import parse_wheel_filename

    return parse_wheel_filename(file)[2]
