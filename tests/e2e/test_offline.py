"""With all sources out of reach: what is cached is enough, and what is not is a clear error."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.conftest import Built
from tests.makers.examples import (
    BASE,
    EXAMPLES,
    HELLO,
    NOWHERE,
    locked_artifacts,
    seed_blobs,
    stored_blobs,
    use_sources,
)
from tests.makers.project import Project

pytestmark = pytest.mark.network


@pytest.fixture
def offline(project: Project) -> Project:
    """The examples with an empty cache, and nobody to ask."""
    return use_sources(project, NOWHERE)


@pytest.fixture
def cached(built: Built, offline: Project) -> Project:
    """The examples with all that was built before, and nobody to ask."""
    shutil.copytree(built.project.cache / "actions", offline.cache / "actions")
    shutil.copytree(built.project.cache / "images", offline.cache / "images", symlinks=True)
    seed_blobs(built.project, offline, stored_blobs(built.project))
    return offline


def test_all_is_there(built: Built, cached: Project) -> None:
    targets = cached.succeed("build", "//...", "--no-memo", "--output", "json").json["targets"]
    assert {target["status"] for target in targets} == {"exists"}
    assert [target["digest"] for target in targets] == list(map(built.digest, EXAMPLES))


def test_images_from_cached_actions(built: Built, cached: Project) -> None:
    shutil.rmtree(cached.cache / "images")
    targets = cached.succeed("build", "//...", "--output", "json").json["targets"]
    assert {target["status"] for target in targets} == {"cached"}
    assert [target["digest"] for target in targets] == list(map(built.digest, EXAMPLES))
    assert {target["actions"]["executed"] for target in targets} == {0}


def test_images_from_downloads(built: Built, offline: Project) -> None:
    seed_blobs(built.project, offline, [*digests(built, "hello"), *digests(built, "bases")])
    target = offline.succeed("build", HELLO, "--output", "json").target
    assert (target["status"], target["digest"]) == ("built", built.digest(HELLO))


@pytest.mark.parametrize(("there", "alias"), [("bases", "pypi"), ("hello", "debian")])
def test_a_missing_download_names_its_source(built: Built, offline: Project, there: str, alias: str) -> None:
    seed_blobs(built.project, offline, digests(built, there))
    said = offline.fail(4, "build", HELLO)
    assert f"`{alias}`" in said
    assert "hint:" in said
    assert offline.images() == []


def test_nothing_is_there(offline: Project) -> None:
    said = offline.fail(4, "build", BASE)
    assert "`debian`" in said
    assert stored_blobs(offline) == {}


def digests(built: Built, example: str) -> list[str]:
    """What the locks of an example name, as hex digits."""
    return [artifact["sha256"] for artifact in locked_artifacts(built.project, f"examples/{example}/*")]
