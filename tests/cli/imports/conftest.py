"""A workspace to import into, with a channel and an index of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import CondaPackage
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project

SHA, OTHER = "a" * 64, "b" * 64
SITE = "lib/python3.11/site-packages"
LIB = CondaPackage("libfoo", {"lib/libfoo.so": b"one"}, depends=("__glibc >=2.17",))
PYTHON = CondaPackage("python", {"bin/python3.11": b"python"}, version="3.11.9", depends=("libfoo",))
SIX = CondaPackage(
    "six",
    {
        "site-packages/six.py": b"six",
        "site-packages/six-1.16.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n",
    },
    version="1.16.0",
    noarch="python",
    depends=("python",),
)


BASE = "base: scratch, libc: glibc 2.36"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel").publish(LIB, PYTHON, SIX)


@pytest.fixture
def workspace(project: Project, channel: Channel, index: FakeIndex) -> Project:
    """A workspace with a channel, an index, and a base for what is imported."""
    index.add(make_package("own"))
    sources = [
        {"channel": {"name": "ours", "url": channel.url}},
        {"index": {"name": "pypi", "url": index.url}},
    ]
    build = "- dockerfile_image:\n    name: base\n    dockerfile: |\n      FROM scratch\n      USER nobody\n"
    return project.write({"envbuild.yaml": f"sources: {json.dumps(sources)}\n", "bases/BUILD.yaml": build})


def build_file(project: Project, package: str = "") -> str:
    return (project.root / package / "BUILD.yaml").read_text()
