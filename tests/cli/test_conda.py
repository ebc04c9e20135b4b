"""Conda packages of an environment, from channels of the test's own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import CondaPackage
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment
from tests.makers.stored import StoredImage

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


def built(project: Project) -> StoredImage:
    """The image that a build ends with."""
    name = project.succeed("build", "--output", "json").target["image"]
    return StoredImage(project.cache / "images" / name.rpartition("/")[2])


def layers(image: StoredImage, platform: str = "linux/amd64") -> set[str]:
    return {layer["digest"] for layer in image.manifest(platform)["layers"]}


def test_an_environment_of_conda_packages_is_locked_and_built(workspace: Project) -> None:
    workspace.write({"BUILD.yaml": conda("python", "numpy")})
    said = workspace.succeed("lock").out
    assert "+ numpy 1.26.4 py311_0" in said
    assert sorted(locked(workspace)) == ["conda libfoo", "conda numpy", "conda python"]
    numpy = locked(workspace)["conda numpy"]
    assert (numpy["source"], numpy["file"]) == ("ours", "linux-64/numpy-1.26.4-py311_0.conda")
    assert numpy["requires"] == ["python >=3.11,<3.12", "libfoo"]
    assert workspace.succeed("build", "--output", "json").target["status"] == "built"


def test_the_prefix_is_an_environment_for_conda(workspace: Project, tmp_path: Path) -> None:
    workspace.write({"BUILD.yaml": conda("python", "six")})
    workspace.succeed("lock")
    meta = built(workspace).unpack("linux/amd64", tmp_path / "root") / "opt/env/conda-meta"
    names = ("libfoo-1.0-0", "python-3.11.9-0", "six-1.16.0-0")
    assert {path.name for path in meta.iterdir()} == {"history", *(f"{name}.json" for name in names)}
    record = json.loads((meta / "six-1.16.0-0.json").read_bytes())
    assert (record["channel"], record["fn"]) == ("envbuild://ours", "six-1.16.0-0.conda")
    assert record["url"] == "envbuild://ours/noarch/six-1.16.0-0.conda"
    assert record["requested_specs"] == ["six"]
    assert record["files"] == [f"{SITE}/six-1.16.0.dist-info/METADATA", f"{SITE}/six.py"]


FIRST = CondaPackage("first", {"share/both": b"first", "share/first": b"1"})
SECOND = CondaPackage("second", {"share/both": b"second", "share/second": b"2"})


@pytest.mark.parametrize(
    ("order", "winner"), [(["second"], b"second"), (["first"], b"first"), (["second", "first"], b"first")]
)
def test_of_packages_with_one_path_the_one_that_the_spec_says_wins(
    workspace: Project, channel: Channel, tmp_path: Path, order: list[str], winner: bytes
) -> None:
    channel.publish(FIRST, SECOND)
    workspace.write({"BUILD.yaml": conda("first", "second", "libfoo", conda_overrides=order)})
    workspace.succeed("lock")
    share = built(workspace).unpack("linux/amd64", tmp_path / "root") / "opt/env/share"
    assert {path.name: path.read_bytes() for path in share.iterdir()} == {
        "both": winner, "first": b"1", "second": b"2"
    }  # fmt: skip


def test_packages_with_one_path_of_which_none_is_said_to_win(workspace: Project, channel: Channel) -> None:
    channel.publish(FIRST, SECOND)
    workspace.write({"BUILD.yaml": conda("first", "second", conda_overrides=["libfoo"])})
    workspace.succeed("lock")
    said = workspace.fail(2, "build")
    assert "`conda_overrides` names `libfoo`, which is none of its conda packages" in said
    workspace.write({"BUILD.yaml": conda("first", "second", "libfoo", conda_overrides=["libfoo"])})
    workspace.succeed("lock")
    said = workspace.fail(1, "build")
    assert "`second 1.0 (conda)` and `first 1.0 (conda)` both own `/opt/env/share/both`" in said
    assert "name the one whose files are to win in `conda_overrides`" in said


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
    assert "hint: conda brings `numpy` 1.26.4: ask conda for another version" in workspace.fail(2, "lock")
    workspace.write({"BUILD.yaml": conda("numpy", pip=["numpy[fast]"])})
    assert "`numpy` is conda's, which knows no extras" in workspace.fail(2, "lock")


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


SCRIPTED = CondaPackage(
    "scripted",
    {
        "etc/conda/activate.d/plain.sh": b"export FOO_DATA=$CONDA_PREFIX/share/foo\n",
        "etc/conda/activate.d/asks.sh": b'export WHO="$(cat /who)"\n',
        "etc/conda/deactivate.d/plain.sh": b"unset FOO_DATA\n",
        "bin/.scripted-post-link.sh": b"exit 1\n",
    },
)
PLAIN = CondaPackage("plain", {"etc/conda/activate.d/p.sh": b"export A=package\n"})


def test_what_activation_sets_is_in_the_image(workspace: Project, channel: Channel) -> None:
    channel.publish(PLAIN)
    stated = {
        "channels": ["ours"],
        "dependencies": ["plain"],
        "variables": {"A": "spec", "B": "spec", "C": "spec"},
    }
    workspace.write(
        {"BUILD.yaml": environment(base="scratch", libc="glibc 2.36", conda=stated, variables={"C": "own"})}
    )
    workspace.succeed("lock")
    config = built(workspace).config("linux/amd64")["config"]
    assert sorted(config["Env"]) == [
        "A=package",
        "B=spec",
        "C=own",
        "CONDA_DEFAULT_ENV=/opt/env",
        "CONDA_PREFIX=/opt/env",
        "CONDA_SHLVL=1",
        "PATH=/opt/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    assert "Entrypoint" not in config


def test_scripts_that_do_more_are_sourced_before_the_program(workspace: Project, channel: Channel) -> None:
    channel.publish(SCRIPTED)
    workspace.write({"BUILD.yaml": conda("scripted", entrypoint=["tool"], command=["-v"])})
    said = workspace.succeed("lock").out
    assert "note: `bin/.scripted-post-link.sh` is not run" in said
    config = built(workspace).config("linux/amd64")["config"]
    assert "FOO_DATA=/opt/env/share/foo" in config["Env"]
    assert config["Entrypoint"] == ["/opt/env/bin/conda-activated", "tool"]
    assert config["Cmd"] == ["-v"]


def test_a_child_is_activated_as_its_base(workspace: Project, channel: Channel) -> None:
    """Whatever it starts: its own program, or the base's."""
    channel.publish(SCRIPTED)
    child = environment("child", base=":app", entrypoint=["other"])
    workspace.write({"BUILD.yaml": conda("scripted", "python") + child})
    workspace.succeed("lock")
    name = workspace.succeed("build", ":child", "--output", "json").target["image"]
    config = StoredImage(workspace.cache / "images" / name.rpartition("/")[2]).config("linux/amd64")["config"]
    assert config["Entrypoint"] == ["/opt/env/bin/conda-activated", "other"]


def test_a_child_stands_on_what_conda_brought(workspace: Project, index: FakeIndex) -> None:
    """Its wheels are for conda's Python, and need nothing that is there already."""
    index.add(make_package("demo", "1.0", ["numpy>=1.20"]))
    workspace.write({"BUILD.yaml": conda("numpy") + environment("child", base=":app", pip=["demo"])})
    workspace.succeed("lock")
    assert sorted(locked(workspace, name="child")) == ["wheel demo"]
    assert workspace.lock("child")["platforms"]["linux/amd64"]["pins"] == {"numpy": ["1.26.4"]}
    workspace.succeed("build", ":child")


def test_the_same_image_from_two_folders_and_two_caches(
    tmp_path: Path, workspace: Project, index: FakeIndex
) -> None:
    index.add(make_package("demo", "1.0", ["numpy"]))
    workspace.write({"BUILD.yaml": conda("numpy", "six", pip=["demo"])})
    workspace.succeed("lock")
    other = Project(tmp_path / "elsewhere").write(dict(workspace.contents()))
    other.succeed("lock", "--upgrade")
    assert other.contents() == workspace.contents()
    assert built(other).digest == built(workspace).digest
    assert built(workspace).violations() == ()


def test_one_package_moves_one_layer(workspace: Project, channel: Channel) -> None:
    workspace.write({"BUILD.yaml": conda("numpy", "six")})
    workspace.succeed("lock")
    before = layers(built(workspace))
    channel.publish(replace(SIX, version="1.17.0"))
    assert "~ six 1.16.0 0 -> 1.17.0 0" in workspace.succeed("lock", "--upgrade").out
    after = layers(built(workspace))
    assert (len(before - after), len(after - before)) == (1, 1)


def test_another_platform(workspace: Project, channel: Channel) -> None:
    """Nothing of this machine is asked."""
    channel.publish(*(replace(each, subdir="linux-aarch64") for each in (LIB, PYTHON, NUMPY)))
    workspace.write({"BUILD.yaml": conda("numpy", "six", platforms=["linux/amd64", "linux/arm64"])})
    workspace.succeed("lock")
    files = {name: each["file"] for name, each in locked(workspace, "linux/arm64").items()}
    assert files["conda numpy"] == "linux-aarch64/numpy-1.26.4-py311_0.conda"
    assert files["conda six"] == "noarch/six-1.16.0-0.conda"
    assert workspace.lock("app")["platforms"]["linux/arm64"]["facts"]["virtual"].startswith(
        "__archspec=1=aarch64 "
    )
    assert len(built(workspace).manifests) == 2


def test_what_is_locked_stays_until_an_upgrade(workspace: Project, channel: Channel) -> None:
    workspace.write({"BUILD.yaml": conda("numpy")})
    workspace.succeed("lock")
    before = workspace.contents()
    channel.publish(replace(NUMPY, build="py311_1", build_number=1), replace(LIB, version="1.1"))
    workspace.succeed("lock")
    assert workspace.contents() == before
    # Solved again, for another package's sake: these need not move.
    workspace.write({"BUILD.yaml": conda("numpy", "six")})
    assert "+ six 1.16.0 0" in workspace.succeed("lock").out
    kept = locked(workspace)
    assert (kept["conda numpy"]["conda"]["build"], kept["conda libfoo"]["version"]) == ("py311_0", "1.0")
    workspace.succeed("lock", "--upgrade-package", "numpy")
    moved = locked(workspace)
    assert (moved["conda numpy"]["conda"]["build"], moved["conda libfoo"]["version"]) == ("py311_1", "1.0")
    workspace.succeed("lock", "--upgrade")
    assert locked(workspace)["conda libfoo"]["version"] == "1.1"


def test_a_channel_that_tells_only_the_md5(workspace: Project, channel: Channel) -> None:
    """The sha256 is computed once, from what has this md5."""
    old = CondaPackage("old", {"lib/old": b"old"}, suffix=".tar.bz2", record={"sha256": None, "size": None})
    channel.publish(old)
    workspace.write({"BUILD.yaml": conda("old")})
    workspace.succeed("lock")
    data = (channel.root / "linux-64/old-1.0-0.tar.bz2").read_bytes()
    artifact = locked(workspace)["conda old"]
    assert (artifact["sha256"], artifact["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert artifact["conda"]["md5"] == hashlib.md5(data).hexdigest()
    built(workspace)


def test_the_first_channel_that_has_a_package_serves_it(
    project: Project, channel: Channel, index: FakeIndex, tmp_path: Path
) -> None:
    second = Channel(tmp_path / "second").publish(replace(LIB, version="2.0"), CondaPackage("only"))
    name_sources(project, index, ours=channel.url, theirs=second.url)
    both = {"channels": ["ours", "theirs"], "dependencies": ["libfoo", "only"]}
    target = {"base": "scratch", "libc": "glibc 2.36"}
    project.write({"BUILD.yaml": environment(conda=both, **target)})
    project.succeed("lock")
    assert {name: each["source"] for name, each in locked(project).items()} == {
        "conda libfoo": "ours",
        "conda only": "theirs",
    }
    newer = {**both, "dependencies": ["libfoo >=2"]}
    project.write({"BUILD.yaml": environment(conda=newer, **target)})
    assert "no solution" in project.fail(2, "lock")
    project.write({"BUILD.yaml": environment(conda=newer, channel_priority="flexible", **target)})
    project.succeed("lock")
    assert locked(project)["conda libfoo"]["version"] == "2.0"
    named = {**both, "dependencies": ["theirs::libfoo"]}
    project.write({"BUILD.yaml": environment(conda=named, **target)})
    project.succeed("lock")
    assert locked(project)["conda libfoo"]["source"] == "theirs"


def test_packages_by_their_urls_are_taken_as_they_are(workspace: Project, channel: Channel) -> None:
    data = (channel.root / NUMPY.file).read_bytes()
    lines = ["@EXPLICIT", f"{channel.url}/{NUMPY.file}#sha256:{hashlib.sha256(data).hexdigest()}"]
    workspace.write({"spec.txt": "\n".join(lines) + "\n"})
    workspace.write({"BUILD.yaml": environment(base="scratch", libc="glibc 2.36", conda="spec.txt")})
    workspace.succeed("lock")
    assert list(locked(workspace)) == ["conda numpy"]
    assert locked(workspace)["conda numpy"]["source"] == "ours"
    assert workspace.succeed("lock", "--check").code == 0
    built(workspace)


def test_a_folder_of_the_workspace_as_a_channel(project: Project, index: FakeIndex) -> None:
    Channel(project.root / "my channel").publish(*PACKAGES)
    name_sources(project, index, ours="file:my%20channel")
    project.write({"BUILD.yaml": conda("numpy")})
    project.succeed("lock")
    assert str(project.top) not in json.dumps(project.lock("app"))
    built(project)


def test_a_channel_by_its_url(project: Project, channel: Channel) -> None:
    stated = {"channels": [channel.url], "dependencies": ["libfoo"]}
    project.write({"BUILD.yaml": environment(base="scratch", libc="glibc 2.36", conda=stated)})
    project.succeed("lock")
    assert locked(project)["conda libfoo"]["file"] == f"{channel.url}/{LIB.file}"
    built(project)
