"""A lock as `pylock.toml` (PEP 751), through the model that `packaging` has of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envbuild.core.platform import Facts, Platform
from envbuild.lock.export.packages import Environment, Places
from envbuild.lock.export.toml import write_toml
from envbuild.lock.model import Locked

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.pylock import Package

_Key = tuple[str, str, str]


def write_pylock(environments: Mapping[Platform, Environment], places: Places) -> str:
    """The packages of all platforms, sorted by name; `places` has every wheel.

    `environments` says in markers for which targets the lock holds: installers refuse any other. A
    package that only some platforms have is marked with their machines; of a package's wheels,
    installers take the one whose tags fit, and where none does they build its sdist.
    """
    from packaging.pylock import Pylock
    from packaging.version import Version

    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[_target(environment.facts) for _, environment in sorted(environments.items())],
        created_by="envbuild",
        packages=_packages(environments, places),
    )
    pylock.validate()
    return write_toml(pylock.to_dict())


def _packages(environments: Mapping[Platform, Environment], places: Places) -> list[Package]:
    wheels: dict[_Key, dict[str, Locked]] = {}
    platforms: dict[_Key, set[Platform]] = {}
    for platform, environment in environments.items():
        for wheel in environment.wheels:
            key = (wheel.name, wheel.version, "" if wheel.source else wheel.file)
            wheels.setdefault(key, {})[wheel.sha256] = wheel
            platforms.setdefault(key, set()).add(platform)
    return [
        _package(
            sorted(found.values(), key=lambda wheel: (wheel.file, wheel.sha256)),
            None if platforms[key] == set(environments) else _machines(platforms[key]),
            places,
        )
        for key, found in sorted(wheels.items())
    ]


def _package(wheels: Sequence[Locked], marker: Marker | None, places: Places) -> Package:
    from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    first = wheels[0]
    name, version = canonicalize_name(first.name), Version(first.version)
    if not first.source:
        place = places[first.sha256]
        archive = PackageArchive(
            url=place if first.is_url else None,
            path=place if first.is_local else None,
            size=first.size,
            hashes={"sha256": first.sha256},
        )
        return Package(name=name, version=version, marker=marker, archive=archive)
    stated: list[dict[str, Any]] = [
        {"name": each.file, "url": places[each.sha256], "size": each.size, "hashes": {"sha256": each.sha256}}
        for each in wheels
    ]
    offered = [PackageWheel(**each) for each in stated if each["name"].endswith(".whl")]
    sdist = next((PackageSdist(**each) for each in stated if not each["name"].endswith(".whl")), None)
    return Package(name=name, version=version, marker=marker, sdist=sdist, wheels=offered or None)


def _target(facts: Facts) -> Marker:
    from packaging.markers import Marker

    assert facts.python is not None
    return Marker(
        f"sys_platform == 'linux' and platform_machine == '{facts.platform.machine}'"
        f" and implementation_name == 'cpython' and python_version == '{facts.python.minor}'"
    )


def _machines(platforms: Iterable[Platform]) -> Marker:
    from packaging.markers import Marker

    return Marker(" or ".join(f"platform_machine == '{each.machine}'" for each in sorted(platforms)))
