"""Conda packages that cannot be had: what is said, and that nothing is kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import CondaPackage
from tests.makers.conda_server import ChannelServer, serve_channel
from tests.makers.index import FakeIndex
from tests.makers.project import Project, environment

LIB = CondaPackage("libfoo", {"lib/libfoo.so": b"one"}, depends=("__glibc >=2.17",))
TOOL = CondaPackage("tool", {"bin/tool": b"tool"}, depends=("libfoo >=1",))
CUDA = CondaPackage("gpu", depends=("__cuda >=12",))
NEWEST = CondaPackage("newest", depends=("__glibc >=2.50",))
RIVAL = CondaPackage("rival", depends=("libfoo >=2",))
COPY = CondaPackage("copy", {"lib/libfoo.so": b"another"})
SAME = CondaPackage("same", {"lib/libfoo.so": b"one"})


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel").publish(LIB, TOOL, CUDA, NEWEST, RIVAL, COPY, SAME)


@pytest.fixture
def workspace(project: Project, channel: Channel, index: FakeIndex) -> Project:
    return name_channel(project, index, channel.url)


def name_channel(project: Project, index: FakeIndex, url: str, **more: str) -> Project:
    sources = [
        {"channel": {"name": "ours", "url": url, **more}},
        {"index": {"name": "pypi", "url": index.url}},
    ]
    return project.write({"envbuild.yaml": f"sources: {json.dumps(sources)}\n"})


def conda(*dependencies: object, channels: tuple[str, ...] = ("ours",), **more: Any) -> dict[str, str]:
    stated = {"channels": list(channels), "dependencies": list(dependencies)}
    return {"BUILD.yaml": environment(conda=stated, **{"base": "scratch", "libc": "glibc 2.36", **more})}


UNSATISFIABLE: list[tuple[tuple[str, ...], list[str]]] = [
    (("nothing",), ["the conda packages have no solution", "nothing", "hint: relax"]),
    (("libfoo >=2",), ["no solution", "libfoo >=2"]),
    (("rival", "tool"), ["no solution", "rival", "libfoo >=2"]),
    (("gpu",), ["__cuda", "the target offers no `__cuda`", "`virtual_packages: {__cuda: ...}`"]),
    (("newest",), ["__glibc", "the target offers `__glibc 2.36`"]),
    (("theirs::libfoo",), ["not among the `channels`", "they are `ours`"]),
    (("our::libfoo",), ["not among the `channels`", "hint: did you mean `ours`?"]),
    (("libfooo >=1", "tool"), ["libfooo", "hint: did you mean `libfoo`?"]),
]


@pytest.mark.parametrize(("dependencies", "expected"), UNSATISFIABLE)
def test_no_solution(workspace: Project, dependencies: tuple[str, ...], expected: list[str]) -> None:
    workspace.write(conda(*dependencies))
    said = workspace.fail(2, "lock")
    assert [text for text in expected if text not in said] == [], said


def test_what_the_target_offers_can_be_stated(workspace: Project) -> None:
    workspace.write(conda("gpu", "newest", virtual_packages={"__cuda": "12.4", "__glibc": "2.50"}))
    workspace.succeed("lock")
    # What is offered less, and asked by nobody, makes no lock stale; what somebody asks does.
    workspace.write(conda("gpu", "newest", virtual_packages={"__cuda": "12.1", "__glibc": "2.51"}))
    workspace.succeed("lock", "--check")
    workspace.write(conda("gpu", "newest", virtual_packages={"__cuda": "11.8", "__glibc": "2.50"}))
    assert "`gpu` needs `__cuda >=12`" in workspace.fail(3, "lock", "--check")


@pytest.mark.parametrize("stated", [{"cuda": "12"}, {"__cuda": "1 2"}, {"__cuda": "a=b=c"}])
def test_what_no_target_can_offer(workspace: Project, stated: dict[str, str]) -> None:
    workspace.write(conda("libfoo", virtual_packages=stated))
    assert "is no virtual package" in workspace.fail(2, "lock")


def test_two_packages_that_own_one_path(workspace: Project) -> None:
    workspace.write(conda("libfoo", "copy"))
    workspace.succeed("lock")
    said = workspace.fail(1, "build")
    assert "libfoo 1.0" in said
    assert "copy 1.0" in said
    assert "opt/env/lib/libfoo.so" in said
    assert workspace.images() == []
    workspace.write(conda("libfoo", "same"))
    workspace.succeed("lock")
    workspace.succeed("build")


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("spoil", [damage, cut, Path.unlink])
def test_a_package_that_is_not_what_is_locked(workspace: Project, channel: Channel, spoil: Any) -> None:
    """Also in a folder: it is trusted no more than a server."""
    workspace.write(conda("tool"))
    workspace.succeed("lock")
    spoil(channel.root / TOOL.file)
    said = workspace.fail(4, "build")
    assert "cannot fetch `linux-64/tool-1.0-0.conda` from `ours`" in said
    assert workspace.images() == []


def test_a_package_whose_channel_states_another_md5(workspace: Project, channel: Channel) -> None:
    wrong = {"sha256": None, "size": None, "md5": "0" * 32}
    channel.publish(CondaPackage("old", suffix=".tar.bz2", record=wrong))
    workspace.write(conda("old"))
    assert "has the md5" in workspace.fail(4, "lock")


HOSTILE = [
    {"license": "a\nb"},
    {"depends": "x"},
    {"size": -1},
    {"timestamp": "x"},
    {"version": "1.0\x1b[2J"},
    {"build": "../.."},
    {"subdir": "../../x"},
    {"sha256": "00"},
]


@pytest.mark.parametrize("record", HOSTILE)
def test_a_channel_that_tells_nonsense(workspace: Project, channel: Channel, record: dict[str, Any]) -> None:
    channel.publish(CondaPackage("odd", record=record))
    workspace.write(conda("odd"))
    said = workspace.fail(4, "lock")
    assert "\x1b" not in said
    assert "tells of a package" in said or "the index of `ours` for `linux-64` cannot be read" in said


@pytest.mark.parametrize("text", ["", "{", "[]", '{"packages": []}', '{"packages": {"x-1-0.conda": 1}}'])
def test_an_index_that_is_none(workspace: Project, channel: Channel, text: str) -> None:
    (channel.root / "linux-64/repodata.json").write_text(text)
    workspace.write(conda("x"))
    assert "the index of `ours` for `linux-64` cannot be read" in workspace.fail(4, "lock")


def test_a_channel_that_nobody_knows(workspace: Project) -> None:
    workspace.write(conda("libfoo", channels=("unknown",)))
    said = workspace.fail(4, "lock")
    assert "hint: name the channel in envbuild.yaml: `- channel: {name: unknown, url: ...}`" in said


def test_a_channel_that_is_misspelt(workspace: Project) -> None:
    workspace.write(conda("libfoo", channels=("our",)))
    assert "hint: did you mean `ours`? Else name the channel in envbuild.yaml" in workspace.fail(4, "lock")


@pytest.mark.parametrize("name", ["defaults", "pkgs/main"])
def test_channels_that_conda_keeps_elsewhere(workspace: Project, name: str) -> None:
    """They are never asked for below conda's alias, where anybody may own the name."""
    workspace.write(conda("libfoo", channels=("ours", name)))
    alias = name.partition("/")[0]
    assert workspace.fail(4, "lock").endswith(
        f"error: the workspace has no channel `{name}`, a name of conda's own for what lies elsewhere\n"
        f"hint: remove it, or name the channel in envbuild.yaml: `- channel: {{name: {alias}, url: ...}}`\n"
    )


def test_the_workspace_says_what_the_defaults_are(workspace: Project, channel: Channel) -> None:
    sources = [{"channel": {"name": "defaults", "url": channel.url}}]
    workspace.write({"envbuild.yaml": f"sources: {json.dumps(sources)}\n"})
    workspace.write(conda("libfoo", channels=("defaults",))).succeed("lock")


def test_a_folder_that_is_no_channel(workspace: Project, channel: Channel) -> None:
    workspace.write(conda("libfoo"))
    for name in ("linux-64", "noarch"):
        shutil.rmtree(channel.root / name)
    assert "the channel `ours` has nothing for `linux-64`, nor `noarch`" in workspace.fail(4, "lock")
    shutil.rmtree(channel.root)
    assert "there is no folder" in workspace.fail(4, "lock")


def test_a_channel_that_is_away(project: Project, channel: Channel, index: FakeIndex) -> None:
    """What is known of it counts, unless the newest is asked for; where nothing is, that is an error."""
    with serve_channel(channel.root, ChannelServer()) as server:
        name_channel(project, index, server.url).write(conda("tool"))
        hasty = project.with_variables(ENVBUILD_HTTP_TIMEOUT="5")
        hasty.succeed("lock")
        hasty.succeed("lock", "--upgrade")
        assert server.count("repodata.json.zst", 304) == 2
        hasty.succeed("build")
    hasty.write(conda("libfoo"))
    outcome = hasty.succeed("lock")
    assert "the channel `ours` is away, and what was last known of it counts" in outcome.err
    assert "cannot fetch `linux-64/repodata.json` from `ours`" in hasty.fail(4, "lock", "--upgrade")
    shutil.rmtree(project.cache / "channels")
    hasty.write(conda("tool"))
    assert "cannot fetch `linux-64/repodata.json` from `ours`" in hasty.fail(4, "lock")


def test_a_channel_without_compressed_indexes(project: Project, channel: Channel, index: FakeIndex) -> None:
    for path in channel.root.rglob("*.zst"):
        path.unlink()
    with serve_channel(channel.root, ChannelServer()) as server:
        name_channel(project, index, server.url).write(conda("tool"))
        project.succeed("lock")
        project.succeed("build")


def test_a_channel_that_wants_a_login(project: Project, channel: Channel, index: FakeIndex) -> None:
    """It is in variables, a file or netrc; and never in what is written or said."""
    variables = {"CORP_USER": "robin", "CORP_PASSWORD": "hush-hush"}
    with serve_channel(channel.root, ChannelServer("robin:hush-hush")) as server:
        name_channel(project, index, server.url).write(conda("tool"))
        assert "401" in project.fail(4, "lock")
        login = {"username_env": "CORP_USER", "password_env": "CORP_PASSWORD"}
        name_channel(project, index, server.url, **login)
        assert "`CORP_USER` and `CORP_PASSWORD`" in project.fail(4, "lock")
        known = project.with_variables(**variables)
        known.succeed("lock")
        known.succeed("build")
    assert "hush-hush" not in str(project.contents())
    kept = (path for path in project.cache.rglob("*") if path.is_file())
    assert not any(b"hush-hush" in path.read_bytes() for path in kept)


def test_one_copy_of_a_channel_is_away(project: Project, channel: Channel, index: FakeIndex) -> None:
    with serve_channel(channel.root, ChannelServer()) as gone:
        away = gone.url
    with serve_channel(channel.root, ChannelServer()) as server:
        sources = [{"channel": {"name": "ours", "urls": [away, server.url]}}]
        project.write({"envbuild.yaml": f"sources: {json.dumps(sources)}\n", **conda("tool")})
        project.succeed("lock")
        project.succeed("build")
    assert [each["source"] for each in project.lock("app")["platforms"]["linux/amd64"]["artifacts"]] == [
        "ours"
    ] * 2


STALE = [
    ({"dependencies": ["tool", "same"]}, "`same` is now required of conda"),
    ({"dependencies": ["libfoo"]}, "`tool` is no longer required of conda"),
    ({"channels": ["ours", "more"]}, "the channels changed"),
    ({"channel_priority": "flexible"}, "the priority of channels is `flexible` now"),
]


@pytest.mark.parametrize(("change", "expected"), STALE)
def test_a_lock_that_answers_another_question(
    workspace: Project, change: dict[str, Any], expected: str
) -> None:
    workspace.write(conda("tool"))
    workspace.succeed("lock")
    workspace.succeed("lock", "--check")
    stated = {"dependencies": ["tool"], "channels": ["ours"], **change}
    priority = {"channel_priority": stated.pop("channel_priority")} if "channel_priority" in stated else {}
    workspace.write(conda(*stated["dependencies"], channels=tuple(stated["channels"]), **priority))
    assert expected in workspace.fail(3, "lock", "--check")


def test_a_lock_that_a_merge_has_mixed(workspace: Project) -> None:
    workspace.write(conda("tool"))
    workspace.succeed("lock")
    lock = workspace.lock("app")
    part = lock["platforms"]["linux/amd64"]
    part["artifacts"] = [each for each in part["artifacts"] if each["name"] != "libfoo"]
    workspace.write({"app.lock.json": json.dumps(lock)})
    assert "`libfoo` is not locked, but `tool` requires it" in workspace.fail(3, "lock", "--check")


def test_environments_that_cannot_be(workspace: Project) -> None:
    workspace.write(conda("libfoo"))
    workspace.succeed("lock")
    child = environment("child", base=":app", conda={"channels": ["ours"], "dependencies": ["tool"]})
    workspace.write({"BUILD.yaml": conda("libfoo")["BUILD.yaml"] + child})
    assert "has an environment at `/opt/env` already" in workspace.fail(2, "lock", ":child")
    workspace.write(conda("libfoo", libc=""))
    assert "nothing tells the C library" in workspace.fail(2, "lock")
    workspace.write(conda("libfoo", pip=["demo"]))
    said = workspace.fail(2, "lock")
    assert "the target has no Python\nhint: ask conda for `python`, add one to the base" in said


def test_a_package_for_any_python_without_one(workspace: Project, channel: Channel) -> None:
    """Of packages by URL, nobody sees to it that they have what they need."""
    any_python = CondaPackage("six", {"site-packages/six.py": b""}, noarch="python", depends=("python",))
    channel.publish(any_python)
    url = f"{channel.url}/{any_python.file}"
    workspace.write({"spec.txt": f"@EXPLICIT\n{url}\n"})
    workspace.write({"BUILD.yaml": environment(base="scratch", libc="glibc 2.36", conda="spec.txt")})
    workspace.succeed("lock")
    said = workspace.fail(1, "build")
    assert "`six` is a package for any Python, and no conda package brings this one's Python" in said
