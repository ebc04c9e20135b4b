"""Locks of conda packages in the forms of other tools, read back by these and by `envbuild import`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rattler import MatchSpec

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import CondaPackage
from tests.makers.conda_server import ChannelServer, serve_channel
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

LIB = CondaPackage("libfoo", {"lib/libfoo.so": b"one"}, depends=("__glibc >=2.17",))
PYTHON = CondaPackage(
    "python", {"bin/python3.11": b"python"}, version="3.11.9", depends=("libfoo >=1,<2", "libfoo !=1.5")
)
SIX = CondaPackage(
    "six",
    {"site-packages/six.py": b"six", "site-packages/six-1.16.0.dist-info/METADATA": b"Name: six\n"},
    version="1.16.0",
    noarch="python",
    depends=("python",),
)
BARE = {"base": "scratch", "libc": "glibc 2.36"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A channel behind HTTP."""
    Channel(tmp_path / "channel").publish(LIB, PYTHON, SIX)
    with serve_channel(tmp_path / "channel", ChannelServer()) as server:
        yield server.url.rstrip("/")


@pytest.fixture
def workspace(project: Project, url: str, index: FakeIndex) -> Project:
    """A locked environment of conda packages, and one of pip beside them."""
    index.add(make_package("own", requires=["six"]))
    sources = [{"channel": {"name": "ours", "url": url}}, {"index": {"name": "pypi", "url": index.url}}]
    asked = {"channels": ["ours"], "dependencies": ["six", {"pip": ["own"]}]}
    return project.write(
        {"envbuild.yaml": f"sources: {json.dumps(sources)}\n", "BUILD.yaml": environment(conda=asked, **BARE)}
    )


def artifacts(project: Project, name: str = "app", platform: str = "linux/amd64") -> list[tuple[str, ...]]:
    keys = ("kind", "name", "version", "source", "file", "sha256")
    found = project.lock(name)["platforms"][platform]["artifacts"]
    return sorted(tuple(each[key] for key in keys) for each in found)


def test_explicit_files(workspace: Project, url: str) -> None:
    workspace.succeed("lock")
    lines = workspace.succeed("export", ":app", "--format", "explicit").out.splitlines()
    assert lines[:3] == [
        "# //:app for linux/amd64: written by `envbuild export`",
        "# platform: linux-64",
        "@EXPLICIT",
    ]
    # Each stands behind what it depends on, as conda lists them.
    assert [line.partition("#sha256:")[0] for line in lines[3:]] == [
        f"{url}/{each.file}" for each in (LIB, PYTHON, SIX)
    ]
    sha256 = {each[4]: each[5] for each in artifacts(workspace)}
    assert [line.partition("#sha256:")[2] for line in lines[3:]] == [
        sha256[each.file] for each in (LIB, PYTHON, SIX)
    ]
    for line in lines[3:]:
        MatchSpec(line.partition("#")[0])


def test_conda_lock(workspace: Project, url: str) -> None:
    from conda_lock.lockfile import parse_conda_lock_file

    workspace.succeed("lock")
    workspace.succeed("export", ":app", "--format", "conda-lock", "-o", "conda-lock.yml")
    lock = parse_conda_lock_file(workspace.root / "conda-lock.yml")
    packages: dict[str, Any] = {each.name: each for each in lock.package}
    assert {name: each.manager for name, each in packages.items()} == {
        "libfoo": "conda",
        "python": "conda",
        "six": "conda",
        "own": "pip",
    }
    assert packages["python"].dependencies == {"libfoo": ">=1,<2,!=1.5"}
    assert packages["six"].url == f"{url}/{SIX.file}"
    assert packages["six"].hash.md5
    assert [channel.url for channel in lock.metadata.channels] == [url]


def test_pip_s_forms_hold_what_is_pip_s(workspace: Project) -> None:
    workspace.succeed("lock")
    requirements = workspace.succeed("export", ":app", "--format", "requirements").out
    assert "own==1.0" in requirements
    assert "six" not in requirements
    assert "six" not in workspace.succeed("export", ":app", "--format", "pylock").out


@pytest.mark.parametrize(("form", "file"), [("conda-lock", "conda-lock.yml"), ("explicit", "linux.txt")])
def test_a_round_trip_loses_nothing(workspace: Project, form: str, file: str) -> None:
    workspace.succeed("lock")
    before = artifacts(workspace)
    workspace.succeed("export", ":app", "--format", form, "-o", file)
    pip = [] if form == "conda-lock" else ["requirements.txt"]
    if pip:
        workspace.succeed("export", ":app", "--format", "requirements", "-o", *pip)
    workspace.succeed("import", file, *pip, "--name", "again")
    build = (workspace.root / "BUILD.yaml").read_text()
    bare = 'base: scratch\n    libc: "glibc 2.36"'
    (workspace.root / "BUILD.yaml").write_text(build.replace('base: ":again-base"', bare))
    workspace.succeed("lock", ":again")
    assert artifacts(workspace, "again") == before


def test_a_round_trip_of_two_platforms(workspace: Project, tmp_path: Path, index: FakeIndex) -> None:
    arm = [replace(each, subdir="linux-aarch64") for each in (LIB, PYTHON)]
    Channel(tmp_path / "channel").publish(*arm, CondaPackage("x86-only", {"a": b""}))
    platforms = ["linux/amd64", "linux/arm64"]
    text = "channels: [ours]\ndependencies:\n- six\n- x86-only  # [linux64]\n- pip: [own]\n"
    workspace.write(
        {
            "environment.yml": text,
            "BUILD.yaml": environment(conda="environment.yml", platforms=platforms, **BARE),
        }
    )
    workspace.succeed("lock")
    workspace.succeed("export", ":app", "--format", "conda-lock", "-o", "conda-lock.yml")
    again = environment("again", conda="conda-lock.yml", platforms=platforms, **BARE)
    workspace.write({"BUILD.yaml": again})
    workspace.succeed("lock")
    assert len(artifacts(workspace, "again")) == 5
    for platform in platforms:
        assert artifacts(workspace, "again", platform) == artifacts(workspace, "app", platform)


def test_a_channel_of_the_workspace_has_no_url(workspace: Project, tmp_path: Path) -> None:
    Channel(workspace.root / "channel").publish(LIB)
    workspace.write({"envbuild.yaml": "sources: [{channel: {name: ours, url: 'file:channel'}}]\n"})
    workspace.write(
        {"BUILD.yaml": environment(conda={"channels": ["ours"], "dependencies": ["libfoo"]}, **BARE)}
    )
    workspace.succeed("lock")
    for form in ("explicit", "conda-lock"):
        said = workspace.fail(2, "export", ":app", "--format", form)
        assert said.startswith("error: a channel of the workspace's own folder has no URL for others\n")
        assert str(tmp_path) not in said


def test_a_channel_of_the_machine(workspace: Project, tmp_path: Path) -> None:
    """A `file:///` URL is what conda reads, too, and the workspace states it."""
    url = f"file://{tmp_path}/channel"
    asked = {"channels": ["ours"], "dependencies": ["six"]}
    sources = f"sources: [{{channel: {{name: ours, url: '{url}'}}}}]\n"
    app = environment(conda=asked, **BARE)
    workspace.write({"envbuild.yaml": sources, "BUILD.yaml": app}).succeed("lock")
    for form, name in (("explicit", "linux.txt"), ("conda-lock", "conda-lock.yml")):
        workspace.succeed("export", ":app", "--format", form, "-o", name)
        text = (workspace.root / name).read_text()
        assert all(f"{url}/{each.file}" in text for each in (LIB, PYTHON, SIX))
        workspace.write({"BUILD.yaml": app + environment("again", conda=name, **BARE)})
        workspace.succeed("lock", ":again")
        workspace.succeed("build", ":again")


def test_what_there_is_none_of(workspace: Project, index: FakeIndex) -> None:
    index.add(make_package("six"))
    workspace.write({"BUILD.yaml": environment(pip=["own"], python="3.11", **BARE)})
    workspace.succeed("lock")
    assert workspace.fail(2, "export", ":app", "--format", "explicit").endswith(
        "has no conda packages to export\nhint: name an `environment` with `conda`\n"
    )
    asked = {"channels": ["ours"], "dependencies": ["libfoo"]}
    workspace.write({"BUILD.yaml": environment(conda=asked, **BARE)})
    workspace.succeed("lock")
    assert "has no Python packages to export" in workspace.fail(
        2, "export", ":app", "--format", "requirements"
    )
