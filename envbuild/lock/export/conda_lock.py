"""A lock as `conda-lock.yml`, version 1, written by conda-lock itself: conda's packages, and pip's.

Debian's Python is no conda package: without conda's, the file locks what is installed into one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from envbuild.core.errors import UsageError
from envbuild.core.platform import Platform
from envbuild.core.wire import canonical_json
from envbuild.lock.check_conda import spec_name
from envbuild.lock.export.packages import Environment, Places
from envbuild.lock.model import Locked


def write_conda_lock(environments: Mapping[Platform, Environment], places: Places) -> str:
    """The packages of all platforms; `places` has every wheel; raises UsageError for a local one.

    There is no time in the file. Its content hash is over a platform's packages: equal ones, equal hash.
    """
    from conda_lock.lockfile import write_conda_lock_file
    from conda_lock.lockfile.v2prelim.models import Lockfile, LockMeta
    from conda_lock.models.channel import Channel

    subdirs = {platform.conda: each for platform, each in sorted(environments.items())}
    packages = [
        *(_conda_package(each, subdir, places) for subdir, part in subdirs.items() for each in part.conda),
        *(_package(wheel, subdir, places) for subdir, part in subdirs.items() for wheel in part.wheels),
    ]
    channels = dict.fromkeys(channel for each in subdirs.values() for channel in each.channels)
    metadata = LockMeta(
        content_hash={subdir: _content_hash(each) for subdir, each in subdirs.items()},
        channels=[Channel.from_string(channel) for channel in channels],
        platforms=list(subdirs),
        sources=[],
    )
    lock = Lockfile(package=packages, metadata=metadata)
    with TemporaryDirectory(prefix="envbuild-") as folder:
        path = Path(folder) / "conda-lock.yml"
        # The help text tells how conda-lock would lock again, which it could not.
        write_conda_lock_file(lock, path, metadata_choices=None, include_help_text=False)
        return path.read_text(encoding="utf-8")


def _conda_package(package: Locked, subdir: str, places: Places) -> Any:
    from conda_lock.lockfile.v2prelim.models import HashModel, LockedDependency

    assert package.conda is not None
    if not package.conda.md5:
        raise UsageError(
            f"a conda-lock.yml wants the md5 of each package, and `{package.name}` was locked without one",
            hint="use `--format explicit`",
        )
    return LockedDependency(
        name=package.name,
        version=package.version,
        build=package.conda.build,
        manager="conda",
        platform=subdir,
        dependencies=_conda_dependencies(package),
        url=places[package.sha256],
        hash=HashModel(md5=package.conda.md5, sha256=package.sha256),
        categories={"main"},
    )


def _conda_dependencies(package: Locked) -> dict[str, str]:
    """What a package depends on, and in which versions and builds, as its channel says it."""
    found: dict[str, list[str]] = {}
    for text in map(str.strip, package.requires):
        name = spec_name(text)
        found.setdefault(name, []).append(text[len(name) :].strip())
    return {name: ",".join(filter(None, versions)) for name, versions in found.items()}


def _package(wheel: Locked, subdir: str, places: Places) -> Any:
    from conda_lock.lockfile.v2prelim.models import DependencySource, HashModel, LockedDependency

    if wheel.is_local:
        raise UsageError(
            f"a conda-lock.yml names packages by URL, and `{wheel.file}` is a local wheel",
            hint="use `--format pylock` or `--format requirements`, or publish the wheel in an index",
        )
    url = places[wheel.sha256]
    direct = DependencySource(type="url", url=f"{url}#sha256={wheel.sha256}") if wheel.is_url else None
    return LockedDependency(
        name=wheel.name,
        version=wheel.version,
        manager="pip",
        platform=subdir,
        dependencies=_dependencies(wheel),
        url=url,
        hash=HashModel(sha256=wheel.sha256),
        source=direct,
        categories={"main"},
    )


def _dependencies(wheel: Locked) -> dict[str, str]:
    """What a package requires, and in which versions (`*` = any), as conda-lock writes it."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name

    found: dict[str, SpecifierSet] = {}
    for required in map(Requirement, wheel.requires):
        name = canonicalize_name(required.name)
        found[name] = found.get(name, SpecifierSet()) & required.specifier
    return {name: str(versions) or "*" for name, versions in found.items()}


def _content_hash(environment: Environment) -> str:
    every = (*environment.conda, *environment.wheels)
    packages: list[Any] = [[each.name, each.version, each.sha256] for each in every]
    return hashlib.sha256(canonical_json(packages)).hexdigest()
