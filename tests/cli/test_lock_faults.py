"""Locks that are missing, stale or broken, and requirements that have no solution."""

from __future__ import annotations

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment, name_indexes
from tests.makers.servers import free_port

MEND = "hint: run `envbuild lock //:app`\n"


@pytest.fixture
def packages(index: FakeIndex) -> FakeIndex:
    """Packages that need each other."""
    for file in (
        make_package("alpha", "1.0", ["beta>=1"]),
        make_package("alpha", "2.0", ["beta>=1"]),
        make_package("beta", "1.0"),
        make_package("beta", "2.0"),
        make_package("old", "1.0", ["beta<2"]),
    ):
        index.add(file)
    return index


def test_missing_lock(project: Project) -> None:
    project.write({"BUILD.yaml": environment()})
    for command in ("build", "aquery"):
        assert project.fail(3, command, ":app") == f"error: `//:app` has no lock\n{MEND}"
    assert project.fail(3, "lock", "--check") == f"error: `//:app` has no lock\n{MEND}"
    assert project.images() == []


def test_stale_lock(project: Project, packages: FakeIndex) -> None:
    project.write({"BUILD.yaml": environment(pip=["alpha==1.0"])}).succeed("lock")
    project.write({"BUILD.yaml": environment(pip=["alpha>1"])})
    reason = "`alpha` is locked at 1.0, but `>1` is required"
    for command in (["build"], ["lock", "--check"]):
        assert project.fail(3, *command) == f"error: the lock of `//:app` is stale:\n  {reason}\n{MEND}"
    assert project.images() == []


# Whoever mends locks wants one command for all of them.
def test_check_names_every_lock(project: Project) -> None:
    project.write({"BUILD.yaml": environment() + environment("other")})
    assert project.fail(3, "lock", "--check", "//...") == (
        "error: `//:app` has no lock\n`//:other` has no lock\nhint: run `envbuild lock //:app //:other`\n"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "it is no JSON in UTF-8, or nested too deeply"),
        ('{"schema": 1,\n<<<<<<< HEAD\n', "it holds the conflict markers of a merge"),
    ],
)
def test_broken_lock(project: Project, content: str, text: str) -> None:
    project.write({"BUILD.yaml": environment(), "app.lock.json": content})
    assert project.fail(3, "build") == f"error: `app.lock.json` is broken: {text}\n{MEND}"
    # The hint holds: locking mends what it cannot read, and says that it did.
    assert f"because `app.lock.json` is broken: {text}\n" in project.succeed("lock").out
    project.succeed("build")


# An older version must not replace what it does not understand.
def test_lock_of_a_newer_version(project: Project) -> None:
    project.write({"BUILD.yaml": environment(), "app.lock.json": '{"schema": 99}'})
    for command in (["build"], ["lock"], ["lock", "--check"]):
        assert project.fail(3, *command) == (
            "error: `app.lock.json` is of a newer version: its schema is `99`, and this version reads 1\n"
            "hint: use a newer envbuild\n"
        )


def test_no_solution(project: Project, packages: FakeIndex) -> None:
    project.write({"BUILD.yaml": environment(pip=["alpha", "beta>=2", "old"])})
    error = project.fail(2, "lock")
    assert error.startswith("BUILD.yaml:1:3: error: the requirements have no solution\n  Because ")
    # The resolver's own words name all who take part.
    assert "old" in error
    assert "beta<2" in error
    assert "beta>=2" in error
    assert error.endswith("hint: relax one of the requirements above, or correct its name\n")


def test_unknown_package(project: Project, packages: FakeIndex) -> None:
    project.write({"BUILD.yaml": environment(pip=["alhpa"])})
    error = project.fail(2, "lock")
    assert "alhpa was not found" in error
    assert error.endswith("hint: `alhpa` is in no index (`pypi`): correct its name, or add one that has it\n")


# As in an environment.yml that was made by hand: pip is asked for what only conda or the base can bring.
def test_python_is_asked_of_pip(project: Project, packages: FakeIndex) -> None:
    project.write({"BUILD.yaml": environment(pip=["python==3.12"])})
    assert project.fail(2, "lock").endswith(
        "hint: no index has Python itself: conda or the base brings it, so ask there for another version\n"
    )


def test_no_wheel_for_the_platform(project: Project, index: FakeIndex) -> None:
    index.add(make_package("native", tag="cp311-cp311-win_amd64"))
    project.write({"BUILD.yaml": environment(pip=["native"])})
    error = project.fail(2, "lock")
    assert error.startswith(
        "BUILD.yaml:1:3: error: no wheel of `native` fits the target (`linux/amd64`, glibc 2.36, "
        "Python 3.11)\n"
    )
    assert "win_amd64" in error
    assert error.endswith(
        "hint: require another version, or build a wheel for the target and list it under `wheels`\n"
    )


def test_only_a_source_archive(project: Project, index: FakeIndex) -> None:
    index.add(("source-1.0.tar.gz", b"no archive"))
    project.write({"BUILD.yaml": environment(pip=["source"])})
    error = project.fail(2, "lock")
    assert error.startswith("BUILD.yaml:1:3: error: `source` has only source archives, which are not ")
    assert "hint: allow it: `sdists: [source]`, or list a wheel of it under `wheels`\n" in error


@pytest.mark.parametrize(
    ("file", "text", "hint"),
    [
        (
            "cut-1.0-py3-none-any.whl",
            "`cut-1.0-py3-none-any.whl` is no wheel: it has no readable METADATA",
            "build it again",
        ),
        (
            "mine-2.0-py3-none-any.whl",
            "`mine-2.0-py3-none-any.whl` holds the version 1.0",
            "name the file as the tool that builds it does",
        ),
    ],
)
def test_broken_local_wheel(project: Project, file: str, text: str, hint: str) -> None:
    data = make_package("mine", "1.0")[1]
    content = data[: len(data) // 2] if "cut" in file else data
    project.write({"BUILD.yaml": environment(wheels=[file]), file: content})
    assert project.fail(2, "lock") == f"BUILD.yaml:1:3: error: {text}\nhint: {hint}\n"


@pytest.mark.parametrize(
    ("requirement", "text", "hint"),
    [
        (
            "git+https://host.invalid/a",
            "`git+https://host.invalid/a` is a version control requirement",
            "build a wheel of it, and name the wheel or its URL",
        ),
        (
            "-e ./here",
            "an editable requirement cannot be locked",
            "build a wheel, and write its path: `./x.whl`",
        ),
    ],
)
def test_refused_requirements(project: Project, requirement: str, text: str, hint: str) -> None:
    project.write(
        {
            "BUILD.yaml": environment(pip="requirements.in"),
            "requirements.in": f"# A list\n{requirement}\n",
        }
    )
    assert project.fail(2, "lock") == f"requirements.in:2: error: {text}\nhint: {hint}\n"


# What a base has, its children have: another version would lie over it in half of the files.
def test_contradicting_the_parent_s_pins(project: Project, packages: FakeIndex) -> None:
    base = environment("below", pip=["alpha==1.0"])
    project.write({"BUILD.yaml": base + environment(base=":below", pip=["alpha>=2"])})
    project.succeed("lock", ":below")
    error = project.fail(2, "lock", ":app")
    assert error.startswith("BUILD.yaml:2:3: error: the requirements have no solution\n  Because ")
    assert error.endswith("hint: the base has `alpha` 1.0: change the base, or ask for what it has\n")


# The base is locked, although its child is not: each lock stands for itself.
def test_a_failure_keeps_what_was_locked_before_it(project: Project, packages: FakeIndex) -> None:
    base = environment("below", pip=["alpha==1.0"])
    project.write({"BUILD.yaml": base + environment(base=":below", pip=["alpha>=2"])})
    outcome = project.run("lock", "//...")
    assert outcome.code == 2
    assert sorted(project.contents()) == ["BUILD.yaml", "below.lock.json", "envbuild.yaml"]
    assert project.leftovers() == []


def test_index_that_nobody_serves(project: Project) -> None:
    url = f"http://127.0.0.1:{free_port()}/simple"
    project.write({"BUILD.yaml": environment(pip=["alpha"]), "envbuild.yaml": name_indexes(pypi=url)})
    assert project.fail(4, "lock") == (
        f"error: cannot fetch `alpha` from `pypi`: `{url}/alpha/` cannot be reached\n"
        "hint: check the address, the network and proxies\n"
    )


@pytest.mark.parametrize("status", [401, 403])
def test_index_that_refuses(project: Project, packages: FakeIndex, status: int) -> None:
    packages.statuses["alpha"] = status
    project.write({"BUILD.yaml": environment(pip=["alpha"])})
    error = project.fail(4, "lock")
    assert error.startswith("error: ")
    assert str(status) in error
    assert "netrc" in error


def test_upgrading_what_is_not_locked(project: Project, packages: FakeIndex) -> None:
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    assert project.fail(2, "lock", "--upgrade-package", "alhpa") == (
        "error: none of these locks has the package `alhpa`\nhint: did you mean `alpha`?\n"
    )
