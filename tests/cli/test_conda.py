"""Conda packages of an environment, from channels of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import CondaPackage
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Outcome, Project, environment

SITE = "lib/python3.11/site-packages"
LIB = CondaPackage("libfoo", {"lib/libfoo.so": b"one"}, depends=("__glibc >=2.17",))
PYTHON = CondaPackage("python", {"bin/python3.11": b"python"}, version="3.11.9", depends=("libfoo",))
NUMPY = CondaPackage(
    "numpy",
    {f"{SITE}/numpy/__init__.py": b"", f"{SITE}/numpy-1.26.4.dist-info/METADATA": b"Name: numpy\n"},
    version="1.26.4",
    build="py311_0",
    depends=("python >=3.11,<3.12", "libfoo"),
)
SIX = CondaPackage(
    "six",
    {"site-packages/six.py": b"six", "site-packages/six-1.16.0.dist-info/METADATA": b"Name: six\n"},
    version="1.16.0",
    noarch="python",
    depends=("python",),
)
PACKAGES = (LIB, PYTHON, NUMPY, SIX)


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel").publish(*PACKAGES)


@pytest.fixture
def workspace(project: Project, channel: Channel, index: FakeIndex) -> Project:
    """A workspace with a channel and an index of its own."""
    return name_sources(project, index, ours=channel.url)


def name_sources(project: Project, index: FakeIndex, **channels: str) -> Project:
    sources: list[Any] = [{"channel": {"name": name, "url": url}} for name, url in channels.items()]
    sources.append({"index": {"name": "pypi", "url": index.url}})
    return project.write({"envbuild.yaml": f"sources: {json.dumps(sources)}\n"})


def conda(*dependencies: object, **more: Any) -> str:
    """A target of these conda packages on nothing."""
    environment_yml = {"channels": ["ours"], "dependencies": list(dependencies)}
    bare = {"base": "scratch", "libc": "glibc 2.36"}
    return environment(conda=environment_yml, **{**bare, **more})


def locked(project: Project, platform: str = "linux/amd64", name: str = "app") -> dict[str, Any]:
    """The artifacts of a lock by kind and name."""
    part = project.lock(name)["platforms"][platform]
    return {f"{each['kind']} {each['name']}": each for each in part["artifacts"]}


def image(outcome: Outcome) -> dict[str, Any]:
    return outcome.target


def test_an_environment_of_conda_packages_is_locked_and_built(workspace: Project) -> None:
    workspace.write({"BUILD.yaml": conda("python", "numpy")})
    said = workspace.succeed("lock").out
    assert "+ numpy 1.26.4 py311_0" in said
    assert sorted(locked(workspace)) == ["conda libfoo", "conda numpy", "conda python"]
    numpy = locked(workspace)["conda numpy"]
    assert (numpy["source"], numpy["file"]) == ("ours", "linux-64/numpy-1.26.4-py311_0.conda")
    assert numpy["requires"] == ["python >=3.11,<3.12", "libfoo"]
    assert workspace.succeed("build", "--output", "json").target["status"] == "built"


def provided(project: Project) -> dict[str, list[str]]:
    """What pip is told that conda packages bring."""
    found = {
        name: each["conda"].get("provides", []) for name, each in locked(project).items() if "conda" in each
    }
    return {name: provides for name, provides in found.items() if provides}


def test_pip_takes_what_conda_has(workspace: Project, index: FakeIndex) -> None:
    """Numpy is on the index, too, and newer: it must not come from there."""
    index.add(make_package("numpy", "2.0"))
    index.add(make_package("demo", "1.0", ["numpy>=1.20", "six"]))
    workspace.write({"BUILD.yaml": conda("numpy", "six", pip=["demo", "numpy"])})
    said = workspace.succeed("lock").out
    assert "note: `numpy` is required of pip, and comes from conda: 1.26.4" in said
    assert sorted(locked(workspace)) == [
        "conda libfoo",
        "conda numpy",
        "conda python",
        "conda six",
        "wheel demo",
    ]
    assert workspace.lock("app")["platforms"]["linux/amd64"]["pins"] == {
        "numpy": ["1.26.4"],
        "six": ["1.16.0"],
    }
    assert workspace.succeed("build", "--output", "json").target["status"] == "built"
    assert workspace.succeed("lock", "--check").code == 0


def test_pip_must_not_contradict_conda(workspace: Project, index: FakeIndex) -> None:
    index.add(make_package("demo", "1.0", ["numpy>=2"]))
    workspace.write({"BUILD.yaml": conda("numpy", pip=["demo"])})
    assert "numpy" in workspace.fail(2, "lock")


NAMED = [
    ({"purls": ["pkg:pypi/Other_Name@2.0"]}, {}, ["other-name==2.0"]),
    ({"purls": []}, {}, []),
    ({}, {"site-packages/Real_Name-3.1.dist-info/METADATA": b""}, ["real-name==3.1"]),
    ({}, {"site-packages/old-3.1-py3.11.egg-info": b""}, ["old==3.1"]),
    ({}, {}, ["thing==1.0"]),
]


@pytest.mark.parametrize(("record", "files", "expected"), NAMED)
def test_whose_name_counts(
    workspace: Project, channel: Channel, record: dict[str, Any], files: dict[str, bytes], expected: list[str]
) -> None:
    """The channel's word, else the package's own, else its name."""
    thing = CondaPackage("thing", files, noarch="python", depends=("python",), record=record)
    channel.publish(thing)
    workspace.write({"BUILD.yaml": conda("thing")})
    workspace.succeed("lock")
    assert provided(workspace).get("conda thing", []) == expected


def config(outcome: Outcome, project: Project) -> dict[str, Any]:
    """The configuration of the only image."""
    (image,) = outcome.target["platforms"]
    blobs = project.cache / "blobs" / "sha256"
    manifest = json.loads(find_blob(blobs, image["digest"]))
    loaded: dict[str, Any] = json.loads(find_blob(blobs, manifest["config"]["digest"]))["config"]
    return loaded


def find_blob(blobs: Path, digest: str) -> bytes:
    (path,) = blobs.rglob(digest.removeprefix("sha256:"))
    return path.read_bytes()
