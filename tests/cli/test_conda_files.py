"""The files of a conda environment: what they change, and how their faults are told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_lock import package, write_lock
from tests.makers.conda_packages import CondaPackage
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

ZLIB = CondaPackage("zlib", {"lib/libz.so": b"one"})
XZ = CondaPackage("xz", {"lib/liblzma.so": b"one"})
MKL = CondaPackage("mkl", {"lib/libmkl.so": b"one"})
PYTHON = CondaPackage("python", {"bin/python3.11": b"python"}, version="3.11.9")
BARE = {"base": "scratch", "libc": "glibc 2.36"}


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel").publish(ZLIB, XZ, MKL, PYTHON)


@pytest.fixture
def workspace(project: Project, channel: Channel, index: FakeIndex) -> Project:
    index.add(make_package("own", "1.0"))
    index.add(make_package("own", "2.0"))
    sources = [
        {"channel": {"name": "ours", "url": channel.url}},
        {"index": {"name": "pypi", "url": index.url}},
    ]
    return project.write(
        {
            "envbuild.yaml": f"sources: {json.dumps(sources)}\n",
            "BUILD.yaml": environment(conda="envs/environment.yml", **BARE),
        }
    )


def names(project: Project) -> list[str]:
    """What is locked for amd64."""
    return [each["name"] for each in project.lock("app")["platforms"]["linux/amd64"]["artifacts"]]


# The memo must know of every file that an environment is read from, and look at none twice.
def test_a_build_sees_each_file_change(workspace: Project) -> None:
    workspace.write(
        {
            "envs/environment.yml": "channels: [ours]\ndependencies: [python, zlib, pip: [-r more.in]]\n",
            "envs/more.in": "-c bounds.in\nown\n",
            "envs/bounds.in": "own<2\n",
        }
    )
    workspace.succeed("lock")
    workspace.succeed("build")
    assert "up to date" in workspace.succeed("build").out
    # A file that says the same makes no lock stale.
    workspace.write(
        {"envs/environment.yml": "dependencies: [zlib, python, pip: [-r more.in]]\nchannels: [ours]  #\n"}
    )
    workspace.succeed("build")
    edits = {
        "envs/environment.yml": "channels: [ours]\ndependencies: [python, zlib, xz, pip: [-r more.in]]\n",
        "envs/more.in": "-c bounds.in\nown>=2\n",
        "envs/bounds.in": "own>1.5\n",
    }
    for file, text in edits.items():
        before = workspace.contents()[file]
        workspace.write({file: text})
        assert "lock" in workspace.fail(3, "build"), file
        (workspace.root / file).write_bytes(before)
        workspace.succeed("build")


def test_faults_are_told_with_their_places(workspace: Project) -> None:
    workspace.write(
        {
            "envs/environment.yml": """\
            channels: [ours]
            dependencies:
              - numpy>=
              - zlib  # [py<39]
              - pip:
                - -e .
            """
        }
    )
    said = workspace.fail(2, "lock")
    assert [line.partition(": error:")[0] for line in said.splitlines() if "error:" in line] == [
        "envs/environment.yml:3:5",
        "envs/environment.yml:4:5",
        "envs/environment.yml:6:7",
    ]


def test_faults_in_place_are_told_with_theirs(workspace: Project) -> None:
    call = "- environment:\n    name: app\n    base: scratch\n    conda:\n      dependencies: [numpy>=]\n"
    workspace.write({"BUILD.yaml": call})
    assert workspace.fail(2, "lock").startswith("BUILD.yaml:5:22: error: `numpy>=` is no MatchSpec")


def test_selectors_choose_per_platform(workspace: Project) -> None:
    workspace.write({"envs/environment.yml": "channels: [ours]\ndependencies:\n- zlib\n- xz  # [aarch64]\n"})
    workspace.succeed("lock")
    assert names(workspace) == ["zlib"]


# Without channels of its own: those of the workspace.
def test_what_mlflow_writes(workspace: Project) -> None:
    workspace.write(
        {
            "envs/environment.yml": "python: 3.11.9\nbuild_dependencies: [own]\ndependencies: [-r r.txt]\n",
            "envs/r.txt": "own<2\n",
        }
    )
    workspace.succeed("lock")
    assert names(workspace) == ["python", "own"]


def test_conda_lock_files_are_fresh_as_long_as_they_say_the_same(
    workspace: Project, channel: Channel
) -> None:
    data = (channel.root / ZLIB.file).read_bytes()
    digests = {"md5": hashlib.md5(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
    write_lock(workspace.root, package("zlib", url=f"{channel.url}/{ZLIB.file}", hash=digests))
    workspace.write({"BUILD.yaml": environment(conda="conda-lock.yml", **BARE)})
    workspace.succeed("lock")
    text = (workspace.root / "conda-lock.yml").read_text()
    (workspace.root / "conda-lock.yml").write_text(f"# another comment\n{text}")
    workspace.succeed("build")
    (workspace.root / "conda-lock.yml").write_text(text.replace("zlib-1.0", "zlib-2.0"))
    assert "lock" in workspace.fail(3, "build")


def test_an_environment_for_another_platform(workspace: Project) -> None:
    workspace.write(
        {"envs/environment.yml": "channels: [ours]\nplatforms: [osx-arm64]\ndependencies: [zlib]\n"}
    )
    said = workspace.fail(2, "lock")
    assert "its conda environment is for `osx-arm64`, not for `linux-64`" in said


def test_an_index_of_a_pip_section_must_be_the_workspace_s(workspace: Project, index: FakeIndex) -> None:
    text = "channels: [ours]\ndependencies:\n- python\n- pip:\n  - --index-url {}/\n  - own\n"
    workspace.write({"envs/environment.yml": text.format("https://other.example/simple")})
    assert "https://other.example/simple" in workspace.fail(2, "lock")
    workspace.write({"envs/environment.yml": text.format(index.url)})
    workspace.succeed("lock")
    assert "own" in names(workspace)


def test_conda_env_export_locks_to_what_it_says(workspace: Project, channel: Channel) -> None:
    channel.publish(CondaPackage("zlib", {"lib/libz.so": b"two"}, version="2.0"))
    exported = (
        "name: old\nchannels: [ours]\ndependencies:\n- python=3.11.9=0\n- zlib=1.0=0\nprefix: /opt/old\n"
    )
    workspace.write({"envs/environment.yml": exported})
    workspace.succeed("lock")
    versions = {
        each["name"]: each["version"]
        for each in workspace.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    }
    assert versions == {"python": "3.11.9", "zlib": "1.0"}
