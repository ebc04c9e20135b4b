"""`envbuild verify`: equal images are said to be, and of others the first file that differs is named."""

from __future__ import annotations

import shutil

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    """Two packages and some files."""
    for name in ("alpha", "beta"):
        index.add(make_package(name, payload=b"x" * 1000))
    files = {"first.txt": "/app/first.txt", "second.txt": "/app/second.txt"}
    project.write({"first.txt": "one\n", "second.txt": "two\n"})
    project.write({"BUILD.yaml": environment(pip=["alpha", "beta"], files=files)})
    project.succeed("lock")
    return project


def image_name(project: Project) -> str:
    return str(project.succeed("build", "--no-memo", "--output", "json").target["image"]).removeprefix(
        "envs/"
    )


def test_what_is_not_built_is_built_twice_and_fetched_once(locked: Project, index: FakeIndex) -> None:
    index.requests.clear()
    outcome = locked.succeed("verify", "--output", "json")
    target = outcome.target
    assert (target["label"], target["same"], target["difference"]) == ("//:app", True, "")
    assert target["digest"] == target["again"]
    assert locked.images() == [str(target["image"]).removeprefix("envs/")]
    fetched = [path for path in index.requests if path.endswith(".whl")]
    assert len(fetched) == len(set(fetched)) == 2
    assert locked.leftovers() == []
    assert locked.succeed("verify").out == f"//:app  the same\n  digest   {target['digest']}\n"


def test_several_targets_at_once(locked: Project) -> None:
    locked.write({"BUILD.yaml": environment("one", variables={"A": "1"}) + environment("two")})
    locked.succeed("lock")
    targets = locked.succeed("verify", ":one", ":two", "--output", "json").json["targets"]
    assert [(target["label"], target["same"]) for target in targets] == [("//:one", True), ("//:two", True)]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"second.txt": "TWO\n"}, "`app/second.txt` differs in its contents"),
        ({"first.txt": "ONE\n", "second.txt": "TWO\n"}, "`app/first.txt` differs in its contents"),
    ],
)
def test_another_image_under_the_name(locked: Project, change: dict[str, str], difference: str) -> None:
    """What only a fault of ours, or somebody with access to the store, could bring about."""
    name, contents = image_name(locked), locked.contents()
    forged = image_name(locked.write(change))
    images = locked.cache / "images"
    shutil.copy(images / forged / "index.json", images / name / "index.json")
    locked.write(contents)
    outcome = locked.run("verify")
    assert outcome.code == 1
    assert outcome.out.startswith("//:app  differs\n  digest   sha256:")
    assert "error: `//:app` came out otherwise when it was built again: layer " in outcome.err
    assert difference in outcome.err
    assert "\nhint: run `envbuild cache verify`" in outcome.err
    assert locked.leftovers() == []


def test_a_second_build_that_fails(locked: Project, index: FakeIndex) -> None:
    """A package is lost between the two builds, and its index has it no more."""
    name = image_name(locked)
    lock = locked.lock("app")
    artifact = lock["platforms"]["linux/amd64"]["artifacts"][0]
    (locked.cache / "blobs" / "sha256" / artifact["sha256"]).unlink()
    index.statuses[artifact["file"]] = 404
    error = locked.fail(4, "verify")
    assert error.startswith("error: the second build failed:\n")
    assert artifact["name"] in error
    assert locked.images() == [name]


def test_a_stale_lock_is_not_verified(locked: Project) -> None:
    locked.write({"BUILD.yaml": environment(pip=["alpha"])})
    assert "is stale" in locked.fail(3, "verify")
