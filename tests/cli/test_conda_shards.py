"""Channels that tell of each package by itself (CEP 16), as rattler writes them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rattler.index import index_fs

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import CondaPackage
from tests.makers.conda_server import ChannelServer, serve_channel
from tests.makers.project import Project, environment

LIB = CondaPackage("libfoo", {"lib/libfoo.so": b"one"})
DATA = CondaPackage("data", {"share/data": b"data"}, noarch="generic", depends=("libfoo",))
TOOL = CondaPackage("tool", {"bin/tool": b"tool"}, depends=("data >=1",))
OTHERS = tuple(CondaPackage(f"other{number}") for number in range(5))


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    """A channel that has shards and nothing else."""
    made = Channel(tmp_path / "channel").publish(LIB, DATA, TOOL, *OTHERS)
    write_shards(made)
    return made


def write_shards(channel: Channel) -> None:
    asyncio.run(index_fs(channel.root, write_shards=True, force=True))
    for path in channel.root.rglob("repodata.json*"):
        path.unlink()


@pytest.fixture
def server(channel: Channel) -> Iterator[ChannelServer]:
    with serve_channel(channel.root, ChannelServer()) as server:
        yield server


@pytest.fixture
def workspace(project: Project, server: ChannelServer) -> Project:
    return declare(project, "tool", ours=server.url)


def declare(project: Project, *dependencies: str, **channels: str) -> Project:
    sources = [{"channel": {"name": name, "url": url}} for name, url in channels.items()]
    conda = {"channels": list(channels), "dependencies": list(dependencies)}
    target = environment(conda=conda, base="scratch", libc="glibc 2.36")
    return project.write({"envbuild.yaml": f"sources: {json.dumps(sources)}\n", "BUILD.yaml": target})


def locked(project: Project) -> dict[str, str]:
    artifacts = project.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    return {each["name"]: f"{each['source']}/{each['file']}" for each in artifacts}


def test_only_what_can_be_needed_is_asked_for(workspace: Project, server: ChannelServer) -> None:
    workspace.succeed("lock")
    assert locked(workspace) == {
        "libfoo": "ours/linux-64/libfoo-1.0-0.conda",
        "data": "ours/noarch/data-1.0-0.conda",
        "tool": "ours/linux-64/tool-1.0-0.conda",
    }
    assert len([path for path, status in server.asked if "/shards/" in path and status == 200]) == 3
    workspace.succeed("build")
    # What is known by its sha256 is never asked for again.
    before = len(server.asked)
    workspace.succeed("lock", "--upgrade")
    assert not [path for path, _ in server.asked[before:] if "/shards/" in path]


def test_the_lock_is_that_of_a_whole_index(workspace: Project, channel: Channel, tmp_path: Path) -> None:
    workspace.succeed("lock")
    other = declare(Project(tmp_path / "other"), "tool", ours=channel.url)
    asyncio.run(index_fs(channel.root, write_shards=False, force=True))
    other.succeed("lock")
    assert other.lock("app") == workspace.lock("app")


def test_channels_of_both_kinds(workspace: Project, server: ChannelServer, tmp_path: Path) -> None:
    """What leads from one into the other is found."""
    top = CondaPackage("top", depends=("tool",))
    whole = Channel(tmp_path / "whole").publish(top, CondaPackage("libfoo", version="9.0"))
    declare(workspace, "top", ours=server.url, theirs=whole.url).succeed("lock")
    assert locked(workspace) == {
        "libfoo": "ours/linux-64/libfoo-1.0-0.conda",
        "data": "ours/noarch/data-1.0-0.conda",
        "tool": "ours/linux-64/tool-1.0-0.conda",
        "top": "theirs/linux-64/top-1.0-0.conda",
    }


def test_shards_that_are_not_what_is_stated(workspace: Project, channel: Channel) -> None:
    for path in channel.root.rglob("shards/*"):
        path.write_bytes(path.read_bytes() + b"x")
    assert "its sha256 is another than the index states" in workspace.fail(4, "lock")


@pytest.mark.parametrize("data", [b"", b"x", b"\x28\xb5\x2f\xfd\x04\x00\x09\x00\x00\xc0\x00\x00\x00\x00\x00"])
def test_an_index_of_shards_that_is_none(workspace: Project, channel: Channel, data: bytes) -> None:
    (channel.root / "linux-64/repodata_shards.msgpack.zst").write_bytes(data)
    assert "`repodata_shards.msgpack.zst` cannot be read" in workspace.fail(4, "lock")


def test_shards_that_are_gone(workspace: Project, channel: Channel) -> None:
    shutil.rmtree(channel.root / "linux-64/shards")
    assert "404" in workspace.fail(4, "lock")
