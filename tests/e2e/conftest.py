"""The examples, built once per session; everything else is taken from there."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.debian import serve
from tests.makers.debian_image import DebianImage, find_debian_image, make_debian_image
from tests.makers.docker import Docker
from tests.makers.examples import copy_examples, publish_locked
from tests.makers.faithful_channel import make_faithful_channel
from tests.makers.project import Project
from tests.makers.servers import require_programs
from tests.makers.stored import StoredImage


@dataclass(frozen=True)
class Built:
    """A project whose examples are all built, and what the build reported of each."""

    project: Project
    targets: dict[str, dict[str, Any]]

    def image(self, label: str) -> StoredImage:
        """The image of an example, as it lies in the store."""
        return StoredImage(self.project.cache / "images" / self.name(label))

    def name(self, label: str) -> str:
        """An image's name: `env_<hash>`."""
        return str(self.targets[label]["image"]).removeprefix("envs/")

    def digest(self, label: str) -> str:
        """An image's digest."""
        return str(self.targets[label]["digest"])


@dataclass(frozen=True)
class Sources:
    """All packages of the examples' locks on loopback, and the requests for them so far."""

    url: str
    asked: list[str]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The examples, built from this machine's own package sources; test processes share one build."""
    top = _find_top(tmp_path_factory)
    project = Project(top / "examples", machine_environment())
    report = top / "report.json"
    with (top / "examples-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not report.exists():
            copy_examples(project)
            report.write_text(project.succeed("build", "//...", "--output", "json").out)
    targets = json.loads(report.read_text())["targets"]
    return Built(project, {target["label"]: target for target in targets})


@pytest.fixture(scope="session")
def sources(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    """A Debian mirror and a package index with the packages of the examples."""
    folder = tmp_path_factory.mktemp("sources")
    publish_locked(built.project, folder)
    with serve(folder) as (url, asked):
        yield Sources(url, asked)


@pytest.fixture(scope="session")
def channel(built: Built) -> Channel:
    """The channel of examples/conda; its parts are in the built project's cache, or come into it."""
    folder = built.project.top / "channel"
    with built.project.top.with_name("channel-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Channel(folder) if folder.exists() else make_faithful_channel(folder, built.project.cache)


@pytest.fixture(scope="session")
def debian_image(running_engine: str, tmp_path_factory: pytest.TempPathFactory) -> DebianImage:
    """An image by Debian's own tools, from this machine's mirror; test processes share it."""
    require_programs("mmdebstrap", "skopeo")
    top = _find_top(tmp_path_factory)
    docker = Docker(running_engine)
    with (top / "debian-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = top / "debian"
        return find_debian_image(folder) or make_debian_image(folder, docker)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the examples' workspace with an empty cache, on a machine that is configured for nothing."""
    return copy_examples(Project(tmp_path))


def _find_top(factory: pytest.TempPathFactory) -> Path:
    """The folder that all test processes of this session share."""
    top = factory.getbasetemp()
    return top.parent if "PYTEST_XDIST_WORKER" in os.environ else top


def machine_environment() -> dict[str, str]:
    """How this machine reaches its package sources; nothing that is meant for `envbuild`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ENVBUILD_")}
