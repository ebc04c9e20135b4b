"""A lock as `conda-lock.yml`, version 1, written by conda-lock itself; its packages are pip's.

Debian's Python is no conda package: the file locks what is installed into one, not the Python.
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
from envbuild.lock.export.packages import Environment, Places
from envbuild.lock.model import Locked


def write_conda_lock(environments: Mapping[Platform, Environment], places: Places) -> str:
    """The packages of all platforms; `places` has every wheel; raises UsageError for a local one.

    There is no time in the file. Its content hash is over a platform's packages: equal ones, equal hash.
    """
    from conda_lock.lockfile import write_conda_lock_file
    from conda_lock.lockfile.v2prelim.models import Lockfile, LockMeta

    subdirs = {platform.conda: each for platform, each in sorted(environments.items())}
    packages = [_package(wheel, subdir, places) for subdir, each in subdirs.items() for wheel in each.wheels]
    metadata = LockMeta(
        content_hash={subdir: _content_hash(each) for subdir, each in subdirs.items()},
        channels=[],
        platforms=list(subdirs),
        sources=[],
    )
    lock = Lockfile(package=packages, metadata=metadata)
    with TemporaryDirectory(prefix="envbuild-") as folder:
        path = Path(folder) / "conda-lock.yml"
        # The help text tells how conda-lock would lock again, which it could not.
        write_conda_lock_file(lock, path, metadata_choices=None, include_help_text=False)
        return path.read_text(encoding="utf-8")


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
    packages: list[Any] = [[wheel.name, wheel.version, wheel.sha256] for wheel in environment.wheels]
    return hashlib.sha256(canonical_json(packages)).hexdigest()
