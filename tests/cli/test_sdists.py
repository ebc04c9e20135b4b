"""Packages built from source, on the command line: what is locked, what is stale, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment
from tests.makers.sdists import make_sdist


@pytest.fixture
def offered(project: Project, index: FakeIndex) -> Project:
    """The workspace, with an sdist in its index and two versions of what builds it."""
    for file in (make_sdist("app", "1.0", ["dep"]), make_package("dep"), make_package("setuptools", "70.0")):
        index.add(file)
    return project


def declare(project: Project, *sdists: str) -> Project:
    return project.write({"BUILD.yaml": environment(pip=["app"], sdists=sdists)})


@pytest.fixture
def locked(offered: Project) -> Project:
    """The same, locked."""
    declare(offered, "App").succeed("lock")
    return offered


def test_a_lock_has_it_with_what_builds_it(locked: Project) -> None:
    part = locked.lock("app")["platforms"]["linux/amd64"]
    assert [(each["name"], each["kind"]) for each in part["artifacts"]] == [
        ("app", "sdist"),
        ("dep", "wheel"),
    ]
    build = part["builds"]["app"]
    assert (build["backend"], build["requires"]) == ("setuptools.build_meta", ["setuptools>=61"])
    assert [each["name"] for each in build["wheels"]] == ["setuptools"]
    before = locked.contents()
    assert "locked already" in locked.succeed("lock").out
    (locked.root / "app.lock.json").unlink()
    locked.succeed("lock")
    assert locked.contents() == before


def test_what_moves_is_told(locked: Project, index: FakeIndex) -> None:
    index.add(make_package("setuptools", "71.0"))
    assert "~ setuptools (builds app) 70.0 -> 71.0" in locked.succeed("lock", "--upgrade-package", "app").out


def test_it_is_not_allowed_unless_it_is_named(offered: Project) -> None:
    said = declare(offered).fail(2, "lock")
    assert "error: `app` has only source archives, which are not built unless allowed" in said
    assert "hint: allow it: `sdists: [app]`, or list a wheel of it under `wheels`" in said


def test_a_lock_is_stale_once_it_is_not_allowed_any_more(locked: Project) -> None:
    said = declare(locked, "other").fail(3, "lock", "--check")
    assert "`app` is locked to be built from source, which `sdists` does not allow" in said


def test_allowing_more_changes_nothing(locked: Project) -> None:
    declare(locked, "other", "app").succeed("lock", "--check")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda builds: builds.clear(), "what `app` is built with is not locked"),
        (lambda builds: builds["app"]["wheels"].clear(), "`setuptools` is not locked, but `app` is built"),
        (lambda builds: builds["app"]["requires"].clear(), "`setuptools` is locked to build `app`, which"),
        (
            lambda builds: builds.update(dep=builds["app"]),
            "what `dep` is built with is locked, and",
        ),
    ],
)
def test_a_lock_that_a_merge_made(locked: Project, change: object, said: str) -> None:
    path = locked.root / "app.lock.json"
    document = json.loads(path.read_bytes())
    change(document["platforms"]["linux/amd64"]["builds"])  # type: ignore[operator]
    path.write_text(json.dumps(document))
    assert said in locked.fail(3, "lock", "--check")


def test_on_scratch(locked: Project) -> None:
    said = locked.fail(2, "build")
    assert "`//:app`: on `scratch` there is no interpreter to build `app` with" in said
    assert (
        "hint: state an image that has one: `sdist_base: LABEL`, or list a wheel of it under `wheels`" in said
    )


def test_an_image_to_build_nothing_in(offered: Project) -> None:
    targets = environment("build") + environment(pip=["dep"], sdist_base=":build")
    offered.write({"BUILD.yaml": targets}).succeed("lock", "//:build")
    said = offered.fail(2, "lock")
    assert "BUILD.yaml:2:3: error: `//:app`: `sdist_base` without `sdists`" in said
    assert "hint: name what may be built there: `sdists: [...]`" in said


def test_an_image_that_cannot_build(offered: Project) -> None:
    """It is asked for what a wheel is bound to before anything of the target is resolved."""
    targets = environment("build") + environment(pip=["app"], sdists=["app"], sdist_base=":build")
    offered.write({"BUILD.yaml": targets}).succeed("lock", "//:build")
    said = offered.fail(2, "lock")
    assert (
        "BUILD.yaml:2:3: error: `//:app`: its packages are for Python 3.11, but its `sdist_base` `//:build`"
        in said
    )
    assert "hint: add Python 3.11 to it" in said


def test_an_image_to_build_in_is_a_dependency(locked: Project) -> None:
    targets = environment("build") + environment(pip=["app"], sdists=["app"], sdist_base=":build")
    locked.write({"BUILD.yaml": targets})
    assert locked.succeed("query", "deps(//:app)").out == "//:app\n//:build\n"


def test_one_at_a_url(offered: Project, index: FakeIndex) -> None:
    """Only where it is named; a lock is stale once it is at another URL, or of another content."""
    sha256 = index.files["app"][0].sha256
    text = f"app @ {index.origin}/files/app-1.0.tar.gz#sha256={sha256}"

    def state(text: str, **more: Any) -> Project:
        return offered.write({"BUILD.yaml": environment(pip=[text], **more)})

    said = state(text, sdists=["other"]).fail(2, "lock")
    assert "BUILD.yaml:1:3: error: `//:app`: `app` is given by the URL of an sdist, which is" in said
    assert "hint: allow it: `sdists: [other, app]`, or name a wheel" in said
    state(text, sdists=["app"]).succeed("lock")
    app, _ = offered.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    assert (app["kind"], app["source"], app["file"]) == ("sdist", "", text.split()[2].partition("#")[0])
    offered.succeed("lock", "--check")
    for other in (text.replace("/files/", "/other/"), text.replace(sha256, "0" * 64)):
        assert "not locked from the URL" in state(other, sdists=["app"]).fail(3, "lock", "--check")


def test_one_of_the_workspace(offered: Project) -> None:
    """Only where it is named, too; its contents count, wherever it lies."""
    target = environment(pip=["./src/app-2.0.tar.gz"])
    offered.write({"BUILD.yaml": target, "src/app-2.0.tar.gz": make_sdist("app", "2.0", ["dep"])[1]})
    said = offered.fail(2, "lock")
    assert "`app` is given by the path of an sdist, which is not built unless allowed" in said
    offered.write({"BUILD.yaml": environment(pip=["./src/app-2.0.tar.gz"], sdists=["app"])}).succeed("lock")
    app, _ = offered.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    assert (app["kind"], app["source"], app["file"]) == ("sdist", "", "src/app-2.0.tar.gz")
    assert "locked already" in offered.succeed("lock").out
    offered.write({"src/app-2.0.tar.gz": make_sdist("app", "2.0", ["dep", "setuptools"])[1]})
    assert "the sdist of `app` has other contents than the locked one" in offered.fail(3, "lock", "--check")
    offered.write({"BUILD.yaml": environment(pip=["app"], sdists=["app"])})
    assert "`app` is no longer an sdist of the workspace" in offered.fail(3, "lock", "--check")


def test_no_sdist_is_a_wheel(offered: Project) -> None:
    target = environment(wheels=["app-2.0.tar.gz"], sdists=["app"])
    offered.write({"BUILD.yaml": target, "app-2.0.tar.gz": make_sdist("app", "2.0")[1]})
    assert "`app-2.0.tar.gz` is no wheel's file name" in offered.fail(2, "lock")


@pytest.mark.parametrize("name", ["app==1.0", "-app", "a b", ""])
def test_what_is_no_name(offered: Project, name: str) -> None:
    said = declare(offered, name).fail(2, "lock")
    assert f"`{name}` in `sdists` is no package's name" in said
