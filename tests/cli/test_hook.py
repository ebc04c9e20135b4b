"""What pre-commit calls, called by hand: which locks are checked, what is said, and what is rewritten."""

from __future__ import annotations

import json

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment, name_indexes

UNFORMED = "- environment: {name: app ,base: scratch}   # odd\n-   environment:\n        name: b\n"
FORMED = "- environment: {name: app, base: scratch}   # odd\n\n- environment:\n    name: b\n"


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    """Two locked targets in folders of their own."""
    for name in ("alpha", "beta"):
        index.add(make_package(name))
        project.write(
            {f"{name}/BUILD.yaml": environment(name, pip="requirements.in"), f"{name}/requirements.in": name}
        )
    project.succeed("lock", "//...")
    index.requests.clear()
    return project


def checked(outcome_json: object) -> list[str]:
    assert isinstance(outcome_json, dict)
    return list(outcome_json["targets"])


def test_only_what_is_touched_is_checked(locked: Project, index: FakeIndex) -> None:
    """The other lock is stale, which is nothing that this commit did."""
    locked.write({"beta/requirements.in": "beta\ngamma\n"})
    outcome = locked.succeed("hook", "lock-check", "alpha/requirements.in", "README.md", "--output", "json")
    assert checked(outcome.json) == ["//alpha:alpha"]
    assert locked.succeed("hook", "lock-check", "README.md").out == "checked 0 locks: fresh\n"
    assert index.requests == []


def test_a_stale_lock(locked: Project, index: FakeIndex) -> None:
    """The message names target, requirement and the command that mends it, which does."""
    locked.write({"beta/requirements.in": "beta>1\n"})
    assert locked.fail(3, "hook", "lock-check", "beta/requirements.in") == (
        "error: the lock of `//beta:beta` is stale:\n  `beta` is locked at 1.0, but `>1` is required\n"
        "hint: run `envbuild lock //beta:beta`\n"
    )
    index.add(make_package("beta", "2.0"))
    locked.succeed("lock", "//beta:beta")
    assert locked.succeed("hook", "lock-check", "beta/requirements.in").out == "checked 1 lock: fresh\n"


def test_a_missing_lock(locked: Project) -> None:
    (locked.root / "alpha/alpha.lock.json").unlink()
    assert locked.fail(3, "hook", "lock-check", "alpha/BUILD.yaml").startswith(
        "error: `//alpha:alpha` has no lock"
    )


def test_a_changed_setting_concerns_all(locked: Project, index: FakeIndex) -> None:
    locked.write({"envbuild.yaml": name_indexes(pypi=index.url + "x")})
    error = locked.fail(3, "hook", "lock-check", "envbuild.yaml")
    assert error.splitlines()[-1] == "hint: run `envbuild lock //alpha:alpha //beta:beta`"


def test_without_files_all_are_checked(locked: Project) -> None:
    assert checked(locked.succeed("hook", "lock-check", "--output", "json").json) == [
        "//alpha:alpha",
        "//beta:beta",
    ]


def test_a_broken_build_file(locked: Project) -> None:
    locked.write({"beta/BUILD.yaml": "- environment: {name: beta\n"})
    assert locked.fail(2, "hook", "lock-check", "beta/BUILD.yaml").startswith(
        "beta/BUILD.yaml:2:1: error: not YAML"
    )


def test_several_workspaces_below_a_repository(locked: Project) -> None:
    """pre-commit runs at the repository's root, which need not be a workspace."""
    locked.write({"beta/requirements.in": "beta>1\n"})
    locked.write({"ml/envbuild.yaml": "", "ml/BUILD.yaml": environment("bare", pip=["six"])})
    files = ["beta/requirements.in", "ml/BUILD.yaml", "../loose.txt"]
    assert locked.fail(3, "hook", "lock-check", *files) == (
        "error: the lock of `//beta:beta` is stale:\n  `beta` is locked at 1.0, but `>1` is required\n"
        "hint: run `envbuild lock //beta:beta`\n"
        "error: `//:bare` has no lock\n"
        "hint: in `ml`, run `envbuild lock //:bare`\n"
    )
    locked.succeed("hook", "lock-check", "../loose.txt")


def test_formatting(project: Project) -> None:
    project.write({"a/BUILD.yaml": UNFORMED, "b/BUILD.yaml": FORMED})
    (project.root / "a/BUILD.yaml").chmod(0o640)
    assert project.succeed("hook", "format", "a/BUILD.yaml", "b/BUILD.yaml").out == "formatted a/BUILD.yaml\n"
    assert project.contents()["a/BUILD.yaml"].decode() == FORMED
    assert (project.root / "a/BUILD.yaml").stat().st_mode & 0o777 == 0o640
    assert project.succeed("hook", "format", "a/BUILD.yaml").out == ""


def test_formatting_a_whole_workspace(project: Project) -> None:
    project.write({"envbuild.yaml": "registry:   host\n", "BUILD.yaml": UNFORMED, "a/BUILD.yaml": UNFORMED})
    outcome = project.succeed("hook", "format", "--output", "json")
    assert outcome.json == {"formatted": ["envbuild.yaml", "BUILD.yaml", "a/BUILD.yaml"]}
    assert project.contents()["envbuild.yaml"] == b"registry: host\n"


def test_formatting_what_cannot_be_parsed(project: Project) -> None:
    """It stays as it is, and keeps no other file from its form."""
    broken = "- environment: {name: app\n"
    project.write({"a/BUILD.yaml": broken, "b/BUILD.yaml": UNFORMED})
    outcome = project.run("hook", "format", "a/BUILD.yaml", "gone/BUILD.yaml", "b/BUILD.yaml")
    assert (outcome.code, outcome.out) == (2, "formatted b/BUILD.yaml\n")
    assert outcome.err.startswith("a/BUILD.yaml:2:1: error: not YAML: while parsing a flow mapping")
    assert "error: cannot read `gone/BUILD.yaml`: No such file or directory" in outcome.err
    assert project.contents()["a/BUILD.yaml"].decode() == broken


def test_formatting_through_a_link(project: Project) -> None:
    project.write({"shared.yaml": UNFORMED, "a/x": ""})
    (project.root / "a/BUILD.yaml").symlink_to("../shared.yaml")
    project.succeed("hook", "format", "a/BUILD.yaml")
    assert (project.root / "a/BUILD.yaml").is_symlink()
    assert project.contents()["shared.yaml"].decode() == FORMED


def test_formatting_makes_no_lock_stale(locked: Project) -> None:
    document = json.loads(environment("alpha", pip="requirements.in").removeprefix("- environment: "))
    lines = "".join(f"      {key}:   {json.dumps(value)}\n" for key, value in document.items())
    locked.write({"alpha/BUILD.yaml": f"-  environment:\n{lines}"})
    locked.succeed("hook", "lock-check", "alpha/BUILD.yaml")
    assert locked.succeed("hook", "format").out == "formatted alpha/BUILD.yaml\n"
    locked.succeed("hook", "lock-check", "alpha/BUILD.yaml")
