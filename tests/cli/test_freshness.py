"""What makes a lock stale and what does not, decided offline; and what locking again moves."""

from __future__ import annotations

import pytest

from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Project, environment, name_indexes

TWO = ["linux/amd64", "linux/arm64"]


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    """A project that asks for a few packages, one of them with an extra and one with a marker."""
    index.add(make_package("alpha", requires=["beta", 'gamma; extra == "more"'], extras=["more"]))
    for name in ("beta", "gamma", "delta"):
        index.add(make_package(name))
    project.write(
        {"BUILD.yaml": environment(pip="requirements.in"), "requirements.in": "alpha[more]\ndelta\n"}
    )
    project.succeed("lock")
    return project


def stale_reasons(project: Project, index: FakeIndex) -> list[str]:
    """Why the lock is stale, in the words of a build, which asks no index."""
    index.requests.clear()
    lines = project.fail(3, "build").splitlines()
    assert (lines[0], lines[-1]) == (
        "error: the lock of `//:app` is stale:",
        "hint: run `envbuild lock //:app`",
    )
    assert index.requests == []
    return [line.strip() for line in lines[1:-1]]


@pytest.mark.parametrize(
    ("requirements", "reasons"),
    [
        ("alpha[more]\n", ["`delta` is no longer required"]),
        ("alpha\ndelta\n", ["`gamma` is no longer required"]),
        ("alpha[more]\ndelta\nepsilon\n", ["`epsilon` is not locked, but it is required"]),
        ("alpha[more]\ndelta>1\n", ["`delta` is locked at 1.0, but `>1` is required"]),
        ('alpha[more]\ndelta; python_version < "3.11"\n', ["`delta` is no longer required"]),
        ('alpha[more]\ndelta; platform_machine == "aarch64"\n', ["`delta` is no longer required"]),
    ],
)
def test_stale_requirements(locked: Project, index: FakeIndex, requirements: str, reasons: list[str]) -> None:
    locked.write({"requirements.in": requirements})
    assert stale_reasons(locked, index) == reasons


def test_stale_platforms(locked: Project, index: FakeIndex) -> None:
    locked.write({"BUILD.yaml": environment(pip="requirements.in", platforms=TWO)})
    assert stale_reasons(locked, index) == ["it is not locked for `linux/arm64`"]
    locked.succeed("lock")
    locked.write({"BUILD.yaml": environment(pip="requirements.in")})
    assert stale_reasons(locked, index) == ["`linux/arm64` is no longer a platform of the target"]


def test_stale_python(locked: Project, index: FakeIndex) -> None:
    locked.write({"BUILD.yaml": environment(pip="requirements.in").replace("3.11", "3.12")})
    assert stale_reasons(locked, index) == ["it is locked for Python 3.11, but the target has 3.12"]


def test_stale_indexes(locked: Project, index: FakeIndex) -> None:
    with run_index() as other:
        locked.write({"envbuild.yaml": name_indexes(ours=other.url, pypi=index.url)})
        expected = "the package indexes changed; by priority, they are now `ours`, `pypi`"
        assert stale_reasons(locked, index) == [expected]
        locked.write({"envbuild.yaml": name_indexes(pypi=other.url)})
        assert stale_reasons(locked, index) == ["the URL of the package index `pypi` changed"]


@pytest.mark.parametrize(
    "requirements",
    [
        "delta\nalpha[more]\n",
        "# A comment\n\n  Alpha[MORE]   # another\ndelta # and one\n",
        "-r more.in\n",
        # Still satisfied by what is locked.
        "alpha[more]>=1\ndelta==1.0\n",
        'alpha[more]\ndelta; python_version >= "3.8"\n',
        'alpha[more]\ndelta\nepsilon; sys_platform == "win32"\n',
    ],
)
def test_fresh_requirements(locked: Project, index: FakeIndex, requirements: str) -> None:
    before = locked.contents()["app.lock.json"]
    locked.write({"requirements.in": requirements, "more.in": "delta\nalpha[more]\n"})
    index.requests.clear()
    assert locked.succeed("lock", "--check").out == "locks are fresh\n"
    assert locked.succeed("lock").out == "//:app  is locked already\n"
    assert index.requests == []
    assert locked.contents()["app.lock.json"] == before
    locked.succeed("build")


def test_fresh_build_file(locked: Project) -> None:
    """Attributes that are no question of packages need no new lock."""
    locked.write({"BUILD.yaml": "# moved\n\n" + environment(pip="requirements.in", variables={"A": "b"})})
    assert locked.succeed("lock", "--check").out == "locks are fresh\n"


def test_locking_again_changes_nothing(locked: Project, index: FakeIndex) -> None:
    before = locked.contents()["app.lock.json"]
    (locked.root / "app.lock.json").unlink()
    locked.succeed("lock")
    assert locked.contents()["app.lock.json"] == before
    report = locked.succeed("lock", "--upgrade", "--output", "json").json
    nothing: dict[str, list[str]] = {key: [] for key in ("changes", "stale", "notes", "moved")}
    assert report == {"targets": [{"label": "//:app", "written": False, **nothing}]}


# What is locked stays where it may, and what moves is said.
def test_what_moves(locked: Project, index: FakeIndex) -> None:
    for name in ("beta", "gamma", "delta"):
        index.add(make_package(name, "2.0"))
    index.add(make_package("epsilon"))
    locked.write({"requirements.in": "alpha[more]\nepsilon\n"})
    assert locked.succeed("lock").out == (
        "//:app  locked in app.lock.json\n"
        "  because `epsilon` is not locked, but it is required\n"
        "  because `delta` is no longer required\n"
        "  - delta 1.0\n"
        "  + epsilon 1.0\n"
    )
    assert locked.succeed("lock", "--upgrade-package", "Beta").out == (
        "//:app  locked in app.lock.json\n  ~ beta 1.0 -> 2.0\n"
    )
    report = locked.succeed("lock", "--upgrade", "--output", "json").json
    (target,) = report["targets"]
    assert target["written"]
    assert target["changes"] == [{"name": "gamma", "old": "1.0", "new": "2.0"}]


def test_quiet(locked: Project) -> None:
    (locked.root / "app.lock.json").unlink()
    outcome = locked.succeed("lock", "-q")
    assert (outcome.out, outcome.err) == ("", "")


@pytest.mark.parametrize("option", ["--upgrade", "--check"])
def test_resolver_that_cannot_judge_the_target(locked: Project, option: str) -> None:
    """Solving with pip judges markers by the machine it runs on; to check, nobody solves."""
    locked.write({"BUILD.yaml": environment(pip="requirements.in").replace("3.11", "3.12")})
    if option == "--check":
        locked.fail(3, "lock", option, "--resolver", "pip-tools")
        return
    error = locked.fail(2, "lock", option, "--resolver", "pip-tools")
    assert "hint: " in error
    assert "uv" in error


# Whoever owns a name on a public index could otherwise put a package of ours into our images.
def test_pinned_packages_come_from_their_index_only(project: Project, index: FakeIndex) -> None:
    index.add(make_package("ours", "9.0"))
    index.add(make_package("public", "1.0"))
    with run_index(make_package("ours", "1.0"), make_package("public", "0.1")) as private:
        sources = (
            f"sources:\n- index: {{name: private, url: '{private.url}', packages: [ours]}}\n"
            f"- index: {{name: pypi, url: '{index.url}'}}\n"
        )
        project.write({"envbuild.yaml": sources, "BUILD.yaml": environment(pip=["ours", "public"])})
        project.succeed("lock")
        artifacts = project.lock("app")["platforms"]["linux/amd64"]["artifacts"]
        assert [(each["name"], each["version"], each["source"]) for each in artifacts] == [
            ("ours", "1.0", "private"),
            ("public", "1.0", "pypi"),
        ]
        assert not index.asked("ours")
        assert not private.asked("public")
        project.succeed("build")
        assert not index.asked("ours")
