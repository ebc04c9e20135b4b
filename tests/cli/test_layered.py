"""Environments on environments, and targets that are unlike this machine."""

from __future__ import annotations

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment


def locked_files(project: Project, name: str) -> list[str]:
    (part,) = project.lock(name)["platforms"].values()
    return [artifact["file"] for artifact in part["artifacts"]]


@pytest.fixture
def layered(project: Project, index: FakeIndex) -> Project:
    """A base with two packages, and an environment on it that asks for one of them and one more."""
    index.add(make_package("alpha", requires=["beta"]))
    index.add(make_package("beta"))
    index.add(make_package("gamma", requires=["beta"]))
    targets = environment("below", pip=["alpha"]) + environment(base=":below", pip=["gamma", "alpha"])
    project.write({"BUILD.yaml": targets}).succeed("lock", ":app")
    return project


def test_only_the_difference_is_locked(layered: Project) -> None:
    """Locking a target locks what it stands on, too."""
    assert locked_files(layered, "below") == ["alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"]
    assert locked_files(layered, "app") == ["gamma-1.0-py3-none-any.whl"]


def test_the_base_s_layers_are_shared(layered: Project) -> None:
    targets = layered.succeed("build", "//...", "--output", "json").json["targets"]
    app, below = ([layer["digest"] for layer in each["platforms"][0]["layers"]] for each in targets)
    assert app[: len(below)] == below
    assert len(app) == len(below) + 1


# The child relies on what its base has: a newer version there must not be overlooked.
def test_a_base_that_moved(layered: Project, index: FakeIndex) -> None:
    index.add(make_package("beta", "2.0"))
    index.add(make_package("alpha", "2.0", ["beta"]))
    layered.succeed("lock", "--upgrade", ":below")
    error = layered.fail(3, "build", ":app")
    assert error == (
        "error: the lock of `//:app` is stale:\n"
        "  the base has `alpha` 2.0 now, and had 1.0\n"
        "  the base has `beta` 2.0 now, and had 1.0\n"
        "hint: run `envbuild lock //:app`\n"
    )


def test_a_base_that_changed_elsewhere(layered: Project, index: FakeIndex) -> None:
    """What the child does not use makes it a new image, and no stale lock."""
    index.add(make_package("other"))
    before = layered.succeed("build", ":app", "--output", "json").target
    targets = environment("below", pip=["alpha", "other"]) + environment(
        base=":below", pip=["gamma", "alpha"]
    )
    layered.write({"BUILD.yaml": targets}).succeed("lock", ":below")
    after = layered.succeed("build", ":app", "--output", "json").target
    assert after["image"] != before["image"]


def test_prefix_of_the_base(layered: Project) -> None:
    """A child need not repeat where its base's packages lie."""
    targets = environment("below", pip=["alpha"], prefix="/srv/env") + environment(
        base=":below", pip=["gamma", "alpha"]
    )
    layered.write({"BUILD.yaml": targets})
    actions = layered.succeed("aquery", ":app", "--output", "json").json["actions"]
    prefixes = {each["parameters"].get("prefix", "srv/env") for each in actions}
    assert prefixes == {"srv/env"}


@pytest.mark.parametrize(
    ("libc", "file"),
    [
        ("glibc 2.36", "native-1.0-cp311-cp311-manylinux_2_34_x86_64.whl"),
        ("glibc 2.28", "native-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"),
        ("glibc 2.17", "native-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        ("musl 1.2", "native-1.0-cp311-cp311-musllinux_1_2_x86_64.whl"),
        ("musl 1.1", "native-1.0-cp311-cp311-musllinux_1_1_x86_64.whl"),
    ],
)
def test_wheels_fit_the_target_s_libc(project: Project, index: FakeIndex, libc: str, file: str) -> None:
    for tag in (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "manylinux_2_28_x86_64",
        "manylinux_2_34_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_2_x86_64",
        "macosx_11_0_arm64",
    ):
        index.add(make_package("native", tag=f"cp311-cp311-{tag}"))
    project.write({"BUILD.yaml": environment(pip=["native"]).replace("glibc 2.36", libc)})
    project.succeed("lock")
    assert locked_files(project, "app") == [file]
    project.succeed("build")


# A target with an older libc than the wheels that are locked would fail when it runs.
def test_older_libc_is_stale(project: Project, index: FakeIndex) -> None:
    index.add(make_package("native", tag="cp311-cp311-manylinux_2_34_x86_64"))
    project.write({"BUILD.yaml": environment(pip=["native"])}).succeed("lock")
    project.write({"BUILD.yaml": environment(pip=["native"]).replace("glibc 2.36", "glibc 2.34")})
    project.succeed("lock", "--check")
    project.write({"BUILD.yaml": environment(pip=["native"]).replace("glibc 2.36", "glibc 2.28")})
    assert "its wheels need glibc 2.34, but the target has glibc 2.28" in project.fail(3, "build")
