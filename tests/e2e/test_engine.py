"""Into a Docker engine, by every way there is, and run there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import Built
from tests.makers.examples import HELLO, NOWHERE, SKLEARN, use_sources
from tests.makers.project import Project

pytestmark = [pytest.mark.network, pytest.mark.services]


@dataclass(frozen=True)
class Docker:
    """The engine's own command line."""

    address: str

    def __call__(self, *arguments: str) -> str:
        """Run `docker`, which must succeed; returns what it prints."""
        environment = {**os.environ, "DOCKER_HOST": self.address}
        command = ["docker", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        return done.stdout

    def run(self, image: str) -> str:
        """What an image's own command prints."""
        return self("run", "--rm", "--network=none", image)

    def names(self) -> list[str]:
        """The images that the engine has."""
        return self("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()


@pytest.fixture
def docker(engine: str) -> Iterator[Docker]:
    """The engine, empty before and after: no test finds layers that another one brought."""
    docker = Docker(engine)
    assert docker.names() == []
    yield docker
    for name in docker.names():
        docker("image", "rm", "--force", name)


def assert_trains(printed: str) -> None:
    """The output of examples/sklearn/train.py, with a score that a broken library would not reach."""
    match = re.fullmatch(r"trained on 133 wines, accuracy on 45 others: (\d\.\d{3})\n", printed)
    assert match, printed
    assert float(match[1]) > 0.9


def test_pulled_from_a_registry(built: Built, registry: str, docker: Docker) -> None:
    built.project.succeed("push", SKLEARN, "--registry", f"{registry}/engine")
    name = f"{registry}/engine/envs/{built.name(SKLEARN)}:latest"
    docker("pull", "--quiet", name)
    assert_trains(docker.run(name))
    # The engine verified this digest on the way.
    digests = docker("image", "inspect", "--format", "{{.RepoDigests}}", name)
    assert f"@{built.digest(SKLEARN)}" in digests


def test_loaded(built: Built, docker: Docker) -> None:
    project = built.project.with_variables(DOCKER_HOST=docker.address)
    name = project.succeed("load", SKLEARN, "--output", "json").json["image"]
    assert name == f"envs/{built.name(SKLEARN)}:latest"
    assert_trains(docker.run(name))


def test_loaded_from_an_archive(built: Built, docker: Docker, tmp_path: Path) -> None:
    archive = str(tmp_path / "image.tar")
    built.project.succeed("export", SKLEARN, "--format", "docker-archive", "-o", archive)
    docker("load", "--input", archive)
    assert_trains(docker.run(f"envs/{built.name(SKLEARN)}:latest"))


def test_loaded_from_the_registry(built: Built, registry: str, docker: Docker, project: Project) -> None:
    there = f"{registry}/load-only"
    built.project.succeed("push", HELLO, "--registry", there)
    empty = use_sources(project, NOWHERE).with_variables(DOCKER_HOST=docker.address, ENVBUILD_REGISTRY=there)
    name = empty.succeed("load", HELLO, "--output", "json").json["image"]
    assert "hello from a locked image" in docker.run(name)


def test_exported_from_the_registry(built: Built, registry: str, project: Project, tmp_path: Path) -> None:
    there = f"{registry}/export-only"
    built.project.succeed("push", HELLO, "--registry", there)
    empty = use_sources(project, NOWHERE)
    pulled, own = tmp_path / "pulled.tar", tmp_path / "own.tar"
    empty.succeed("export", HELLO, "--format", "oci-archive", "-o", str(pulled), "--registry", there)
    built.project.succeed("export", HELLO, "--format", "docker-archive", "-o", str(own))
    # One platform: both formats are one and the same file, whoever made the image.
    assert pulled.read_bytes() == own.read_bytes()


def test_no_engine(built: Built) -> None:
    project = built.project.with_variables(DOCKER_HOST=NOWHERE.replace("http", "tcp"))
    said = project.fail(4, "load", HELLO)
    assert "no Docker engine answers" in said
    assert "envbuild export" in said
