"""A login is used, and found again nowhere: in no lock, layer, event, trace, message or remembered answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Outcome, Project, environment, name_indexes

USER, PASSWORD = "marked-user", "marked-secret-7f3a"
MARKS = (USER.encode(), PASSWORD.encode(), b"bWFya2VkLXVzZXI6")  # the last: what Basic makes of them


@pytest.fixture
def guarded(project: Project, index: FakeIndex) -> Project:
    """A project whose index asks for a login."""
    index.login = f"{USER}:{PASSWORD}"
    index.add(make_package("alpha"))
    return project.write({"BUILD.yaml": environment(pip=["alpha"])})


def write_netrc(project: Project, index: FakeIndex, password: str = PASSWORD) -> None:
    host = index.origin.removeprefix("http://").partition(":")[0]
    path = Path(project.environment["HOME"]) / ".netrc"
    path.write_text(f"machine {host} login {USER} password {password}\n")
    path.chmod(0o600)


def run_all(project: Project) -> list[Outcome]:
    """All that a user does with a target, told as loudly as it can be."""
    told = ["-v", "--events", "../events", "--profile", "../profile"]
    return [
        project.succeed("lock", *told),
        project.succeed("build", *told),
        project.succeed("build"),
        project.succeed("aquery", "--output", "json"),
        project.succeed("info"),
        project.succeed("export", ":app", "--format", "oci-archive", "-o", "../app.tar"),
    ]


def find_marks(project: Project, outcomes: list[Outcome]) -> list[str]:
    """Where a part of the login can be read; whoever holds it on purpose is left out."""
    shown = [f"shown: {each}" for each in outcomes if has_mark((each.out + each.err).encode())]
    files = (path for path in project.top.rglob("*") if path.is_file() and path.name != ".netrc")
    held = [str(path.relative_to(project.top)) for path in files if has_mark(path.read_bytes())]
    return shown + held


def has_mark(data: bytes) -> bool:
    return any(mark in data for mark in MARKS)


def test_login_of_netrc(guarded: Project, index: FakeIndex) -> None:
    write_netrc(guarded, index)
    assert find_marks(guarded, run_all(guarded)) == []


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_login_of_the_machine_s_index(guarded: Project, index: FakeIndex, variable: str) -> None:
    guarded.write({"envbuild.yaml": ""})
    known = guarded.with_variables(**{variable: index.url_with_login()})
    assert find_marks(known, run_all(known)) == []
    # No address either: the lock names the alias, and whoever builds has an index of their own.
    assert b"127.0.0.1" not in guarded.contents()["app.lock.json"]


def test_login_that_fails(guarded: Project, index: FakeIndex) -> None:
    index.login = "another:login"
    write_netrc(guarded, index)
    outcomes = [guarded.run("lock", "-v", "--events", "../events")]
    guarded.write({"envbuild.yaml": ""})
    known = guarded.with_variables(PIP_INDEX_URL=index.url.replace("://", f"://{USER}:{PASSWORD}@"))
    outcomes.append(known.run("lock", "-v", "--events", "../events"))
    assert [each.code for each in outcomes] == [4, 4]
    assert find_marks(guarded, outcomes) == []


def test_login_that_a_build_lacks(guarded: Project, index: FakeIndex) -> None:
    write_netrc(guarded, index)
    guarded.succeed("lock")
    write_netrc(guarded, index, password=f"old-{PASSWORD}")
    outcome = guarded.run("build", "-v", "--events", "../events", "--profile", "../profile")
    assert outcome.code == 4
    assert "answered 401 (unauthorized)" in outcome.err
    assert find_marks(guarded, [outcome]) == []


# A file that is committed is no place for a login; nor is the message that says so.
def test_login_in_the_workspace(guarded: Project, index: FakeIndex) -> None:
    guarded.write({"envbuild.yaml": name_indexes(pypi=index.url_with_login())})
    error = guarded.fail(2, "lock")
    assert error.startswith(
        "envbuild.yaml:1:45: error: the URL holds credentials\nhint: put them into ~/.netrc"
    )
    assert not has_mark(error.encode())


def test_login_in_a_requirement(guarded: Project, index: FakeIndex) -> None:
    url = index.url_with_login().replace("/simple", "/files/alpha-1.0-py3-none-any.whl")
    guarded.write({"BUILD.yaml": environment(pip=[f"alpha @ {url}"])})
    error = guarded.fail(2, "lock")
    assert "credentials" in error
    assert not has_mark(error.encode())
