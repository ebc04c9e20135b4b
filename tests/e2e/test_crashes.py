"""Builds that are killed at any moment: nothing wrong is readable, and the next one gets there.

A kill is SIGKILL to the process group: nobody cleans up. ENVBUILD_KILLS says how many come at random
moments in all; `make soak` makes a thousand.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.makers.crashes import (
    assert_sound,
    how_many,
    kill_after,
    kill_when,
    left_behind,
    measure,
    random_moments,
    read_published,
)
from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Project, environment, name_indexes
from tests.makers.servers import run_registry

NAMES = ("alpha", "beta", "gamma", "delta")
SIZE = 2_000_000
LOCK = "app.lock.json"

# What each kind of write makes when it begins: the kill comes while it is on its way.
MOMENTS: dict[str, Callable[[Path], bool]] = {
    "blob": lambda cache: any((cache / "tmp").glob("*")),
    "placed blob": lambda cache: any((cache / "blobs" / "sha256").glob("*")),
    "database": lambda cache: (cache / "actions").exists(),
    "action result": lambda cache: (cache / "actions" / "cache.db-wal").exists(),
    "image": lambda cache: (cache / "images").exists(),
    "named image": lambda cache: any((cache / "images").glob("*")),
    "memo": lambda cache: (cache / "memo").exists(),
}


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    with run_index(
        *(make_package(name, payload=name.encode() * (SIZE // len(name))) for name in NAMES)
    ) as index:
        yield index


@pytest.fixture
def project(tmp_path: Path, index: FakeIndex) -> Project:
    """A locked workspace with an empty cache."""
    project = Project(tmp_path)
    project.write({"envbuild.yaml": name_indexes(pypi=index.url), "BUILD.yaml": environment(pip=list(NAMES))})
    project.succeed("lock")
    return empty(project)


def empty(project: Project) -> Project:
    shutil.rmtree(project.cache)
    return project


def build(project: Project) -> dict[str, str]:
    """Build what was killed before, or nothing was; the image's name and digest."""
    target = project.succeed("build", "--output", "json").target
    assert left_behind(project) == []
    digests = {str(target["image"]).removeprefix("envs/"): str(target["digest"])}
    assert project.images() == [*digests]
    return digests


def recover(project: Project, expected: dict[str, str]) -> None:
    assert_sound(project, expected)
    assert build(project) == expected
    assert_sound(project, expected)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_write(project: Project, moment: str) -> None:
    expected = build(project)
    # On a busy machine a build may be over before it is seen at the last writes: then once more.
    assert any(kill_when(lambda: MOMENTS[moment](project.cache), empty(project), "build") for _ in range(20))
    recover(project, expected)


def test_killed_in_a_download(project: Project, index: FakeIndex) -> None:
    expected = build(project)
    empty(project)
    index.stalled.add("alpha-1.0-py3-none-any.whl")
    assert kill_when(index.waiting.is_set, project, "build")
    index.released.set()
    index.stalled.clear()
    recover(project, expected)


def test_an_export_killed_at_its_write(project: Project) -> None:
    def is_drafted() -> bool:
        return any(project.root.glob(".app.tar.*"))

    expected = build(project)
    export = ("export", ":app", "--format", "oci-archive", "-o", "app.tar")
    project.succeed(*export)
    whole = project.contents()["app.tar"]
    assert any(kill_when(is_drafted, project, *export) for _ in range(20))
    assert project.contents()["app.tar"] == whole
    project.succeed(*export)
    assert project.contents()["app.tar"] == whole
    assert left_behind(project) == []
    assert_sound(project, expected)


def test_killed_at_random_moments(project: Project) -> None:
    moments = random_moments()
    expected = build(project)
    empty(project)
    duration = measure(project, "build")
    for _ in range(how_many(0.5)):
        empty(project)
        # The last of two finds what the first one left.
        for _ in range(moments.choice((1, 2))):
            kill_after(moments.uniform(0, duration), project, "build")
        recover(project, expected)


def test_a_lock_killed_at_random_moments(project: Project) -> None:
    moments = random_moments()
    expected = project.contents()
    duration = measure(project, "lock", "--upgrade")
    for _ in range(how_many(0.25)):
        (project.root / LOCK).unlink()
        kill_after(moments.uniform(duration / 2, duration), project, "lock")
        assert project.contents().get(LOCK, expected[LOCK]) == expected[LOCK]
        project.succeed("lock")
        assert project.contents() == expected


@pytest.mark.services
def test_a_push_killed_at_random_moments(project: Project, tmp_path: Path) -> None:
    moments = random_moments()
    ((name, digest),) = build(project).items()
    with run_registry(tmp_path / "registry") as host:
        duration = measure(project, "push", "--registry", f"{host}/measured")
        for n in range(how_many(0.25)):
            place = f"{host}/killed{n}"
            kill_after(moments.uniform(duration / 4, duration), project, "push", "--registry", place)
            assert read_published(place, name) in (None, digest)
            project.succeed("push", "--registry", place)
            assert read_published(place, name) == digest
    assert_sound(project, {name: digest})
    assert left_behind(project) == []
