"""pylock.toml (PEP 751) as hashed requirements, through the model that `packaging` has of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.build.imports.draft import Draft, find_given_sdists
from envbuild.core.errors import EnvbuildError, Location, SpecError, raise_all
from envbuild.core.text import excerpt, summarize
from envbuild.spec.requirement_line import parse_pinned

if TYPE_CHECKING:
    from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock

_MAX_BYTES = 64 << 20


def read_pylock(path: Path, shown: str) -> Draft:
    """The packages of a file as pinned lines; raises SpecError or ErrorGroup, placed in `shown`."""
    place = Location(shown)
    lock = _parse(path, place)
    lines: list[str] = []
    failures: list[EnvbuildError] = []
    for package in lock.packages:
        try:
            lines.append(parse_pinned(_line(package)).text)
        except EnvbuildError as error:
            failures.append(SpecError(error.message, hint=error.hint, location=place))
    raise_all(failures)
    locked = (package.name for package in lock.packages if not package.wheels and package.sdist)
    sdists = tuple(sorted((*locked, *find_given_sdists(lines))))
    return Draft(pinned=tuple(sorted(lines)), sdists=sdists, wanted=str(lock.requires_python or ""))


def _parse(path: Path, place: Location) -> Pylock:
    from packaging.pylock import Pylock, PylockValidationError

    if path.stat().st_size > _MAX_BYTES:
        raise SpecError(f"the file is over {_MAX_BYTES >> 20} MiB", location=place)
    try:
        return Pylock.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError, PylockValidationError) as error:
        reason = summarize(error)
        raise SpecError(f"this is no pylock.toml: {reason[:1].lower()}{reason[1:]}", location=place) from None


def _line(package: Package) -> str:
    """A package as a requirement with its digests; raises SpecError for what is no wheel."""
    marker = str(package.marker) if package.marker else ""
    if "extras" in marker or "dependency_groups" in marker:
        raise SpecError(
            f"`{excerpt(package.name)}` is for some extras or dependency groups only",
            hint="write the pylock.toml for the ones that are wanted, without others",
        )
    after = f" ; {marker}" if marker else ""
    if package.archive and package.archive.url and "sha256" in package.archive.hashes:
        sha256 = package.archive.hashes["sha256"]
        return f"{package.name} @ {package.archive.url}#sha256={sha256}{after}"
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or [])]
    if not files and package.sdist:
        files.append(package.sdist)
    if not files or package.version is None:
        raise SpecError(
            f"`{excerpt(package.name)}` is locked as {_kind(package)}, which no index has",
            hint="build a wheel of it and list that under `wheels`, and lock without it",
        )
    digests = {file.hashes.get("sha256", "") for file in files}
    if "" in digests:
        raise SpecError(
            f"a file of `{excerpt(package.name)}` has no sha256", hint="lock again with sha256 digests"
        )
    hashes = "".join(f" --hash=sha256:{each}" for each in sorted(digests))
    return f"{package.name}=={package.version}{after}{hashes}"


def _kind(package: Package) -> str:
    if package.vcs:
        return "a commit of version control"
    if package.directory:
        return "a folder"
    if package.archive:
        return "an archive of a machine, or without a sha256"
    return "nothing, or without a version"
