"""Locks as pylock.toml, judged by what `packaging` selects from them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import cast

import pytest
from packaging.markers import Environment as MarkerEnvironment
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.tags import compatible_tags, cpython_tags

from envbuild.core.platform import Platform
from envbuild.lock.export.packages import Environment
from envbuild.lock.export.pylock import write_pylock
from envbuild.lock.markers import marker_environment
from envbuild.lock.model import Locked
from tests.makers.environments import AMD64, ARM64, make_environment, make_locked, serve
from tests.makers.questions import make_facts

PURE = make_locked("pure")
NATIVE = {
    platform: make_locked("native", f"native-1.0-cp311-cp311-manylinux_2_17_{platform.machine}.whl")
    for platform in (AMD64, ARM64)
}


def export(environments: Mapping[Platform, Environment]) -> Pylock:
    wheels = [wheel for each in environments.values() for wheel in each.wheels]
    return Pylock.from_dict(tomllib.loads(write_pylock(environments, serve(wheels))))


def select(pylock: Pylock, platform: Platform, python: str = "3.11.2") -> dict[str, str]:
    """What an installer on this platform takes: where, by package."""
    facts = make_facts(python=python, target=str(platform))
    tags = [f"manylinux_2_17_{platform.machine}"]
    chosen = pylock.select(
        environment=cast("MarkerEnvironment", marker_environment(facts)),
        tags=[*cpython_tags((3, 11), ["cp311"], tags), *compatible_tags((3, 11), "cp311", tags)],
    )
    return {package.name: _place(source) for package, source in chosen}


def _place(source: object) -> str:
    assert isinstance(source, PackageWheel | PackageArchive | PackageSdist)
    return (source.url or source.path or "").rpartition("/files/")[2]


def test_one_platform() -> None:
    pylock = export({AMD64: make_environment(NATIVE[AMD64], PURE)})
    assert pylock.created_by == "envbuild"
    assert select(pylock, AMD64) == {"native": NATIVE[AMD64].file, "pure": PURE.file}
    (wheel,) = _package(pylock, "pure").wheels or ()
    assert (wheel.size, wheel.hashes) == (PURE.size, {"sha256": PURE.sha256})


# An installer for another target would find some wheel that fits, and make another environment.
@pytest.mark.parametrize(("platform", "python"), [(ARM64, "3.11.2"), (AMD64, "3.12.0")])
def test_another_target_is_refused(platform: Platform, python: str) -> None:
    pylock = export({AMD64: make_environment(PURE)})
    with pytest.raises(PylockSelectError, match="does not satisfy any of the environments"):
        select(pylock, platform, python)


def test_several_platforms_take_their_own_wheels() -> None:
    only = make_locked("only")
    pylock = export(
        {
            ARM64: make_environment(NATIVE[ARM64], PURE, platform=ARM64),
            AMD64: make_environment(NATIVE[AMD64], only, PURE),
        }
    )
    assert [package.name for package in pylock.packages] == ["native", "only", "pure"]
    assert select(pylock, ARM64) == {"native": NATIVE[ARM64].file, "pure": PURE.file}
    assert select(pylock, AMD64) == {"native": NATIVE[AMD64].file, "only": only.file, "pure": PURE.file}


# What is locked at another version on another platform is another package of the file.
def test_versions_that_differ() -> None:
    newer = Locked("wheel", "pure", "2.0", "main", "pure-2.0-py3-none-any.whl", "2" * 64, 20)
    pylock = export({AMD64: make_environment(PURE), ARM64: make_environment(newer, platform=ARM64)})
    assert select(pylock, AMD64) == {"pure": PURE.file}
    assert select(pylock, ARM64) == {"pure": newer.file}


def test_wheels_of_no_index_are_archives() -> None:
    direct = make_locked("direct", "http://127.0.0.1/direct-1.0-py3-none-any.whl", source="")
    local = make_locked("local", "./wheels/local-1.0-py3-none-any.whl", source="")
    pylock = export({AMD64: make_environment(direct, local)})
    sources = [package.archive for package in pylock.packages]
    assert [(each.url, each.path, each.hashes["sha256"]) for each in sources if each] == [
        (direct.file, None, direct.sha256),
        (None, local.file, local.sha256),
    ]


def test_the_order_of_platforms_changes_no_byte() -> None:
    environments = {platform: make_environment(NATIVE[platform], platform=platform) for platform in NATIVE}
    places = serve(NATIVE.values())
    again = write_pylock(dict(reversed(environments.items())), places)
    assert again == write_pylock(environments, places)


def _package(pylock: Pylock, name: str) -> Package:
    (package,) = (each for each in pylock.packages if each.name == name)
    return package


def test_a_package_that_is_built_from_source_on_one_platform() -> None:
    sdist = make_locked("native", "native-1.0.tar.gz")
    pylock = export(
        {
            AMD64: make_environment(NATIVE[AMD64], PURE),
            ARM64: make_environment(sdist, PURE, platform=ARM64),
        }
    )
    assert select(pylock, AMD64) == {"native": NATIVE[AMD64].file, "pure": PURE.file}
    assert select(pylock, ARM64) == {"native": sdist.file, "pure": PURE.file}
