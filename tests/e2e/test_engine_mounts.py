"""Cache mounts in an engine: told of, and removed when they are old and ours."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_executors import container
from tests.makers.docker import Docker
from tests.makers.project import Project
from tests.makers.roots import make_busybox

pytestmark = pytest.mark.services

MOUNT: dict[str, Any] = {"type": "cache", "sharing": "shared", "mode": 0o755, "uid": 0, "gid": 0}
LONG_AGO = 1_000_000_000


@pytest.fixture
def project(tmp_path: Path, engine: str) -> Project:
    """A workspace whose cache has used three mounts of the engine, two of them long ago; one is in use."""
    project = Project(tmp_path).write({"envbuild.yaml": ""}).with_variables(DOCKER_HOST=engine)
    mounts = [{**MOUNT, "id": name, "target": f"/{name}"} for name in ("apt", "new", "pip")]
    container(project.cache, engine).script([make_busybox()], "echo > /pip/x", mounts=mounts)
    for each in volumes(project):
        if each["id"] != "new":
            os.utime(note(project, each["volume"]), (LONG_AGO, LONG_AGO))
    return project


def volumes(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.succeed("cache", "info", "--output", "json").json["engine_mounts"]
    return found


def note(project: Project, name: str) -> Path:
    return project.cache / f"mounts/docker/{name.removeprefix('envbuild-cache-')}.used"


def test_old_ones_of_ours_go(project: Project, engine: str) -> None:
    docker = Docker(engine)
    docker("volume", "create", "envbuild-cache-of-somebody")
    docker("volume", "create", "--label", "dev.envbuild.cache=theirs", "of-another-cache")
    assert [(each["id"], each["used"] is None) for each in volumes(project)] == [
        ("apt", False),
        ("new", False),
        ("pip", False),
        ("theirs", True),
    ]
    told = project.succeed("cache", "info").out
    assert "the Docker engine: cache mount `pip` (envbuild-cache-" in told
    assert "cache mount `theirs` (of-another-cache, of another cache)" in told
    (used,) = (each["volume"] for each in volumes(project) if each["id"] == "apt")
    project.write({"empty.tar": bytes(1024)})
    image = docker("import", str(project.root / "empty.tar")).decode().strip()
    holder = docker("create", "--volume", f"{used}:/apt", image, "never").decode().strip()
    assert "1 cache mounts of the Docker engine" in project.succeed("cache", "gc").out
    assert [each["id"] for each in volumes(project)] == ["apt", "new", "theirs"]
    docker("rm", holder)
    assert project.succeed("clean", "--all")
    assert [each["id"] for each in volumes(project)] == ["theirs"]
    others = ["envbuild-cache-of-somebody", "of-another-cache"]
    assert docker("volume", "ls", "--quiet").decode().split() == others
    docker("volume", "rm", *others)


def test_without_an_engine_nothing_is_lost(project: Project, engine: str) -> None:
    kept = volumes(project)
    notes = sorted((project.cache / "mounts/docker").glob("*.used"))
    with socket.socket() as silent:  # listens, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for address in (
            f"unix://{project.root}/none",
            f"tcp://127.0.0.1:{silent.getsockname()[1]}",
            "what://",
        ):
            away = project.with_variables(DOCKER_HOST=address)
            assert volumes(away) == []
            assert "Docker" not in away.succeed("cache", "gc").out
    assert sorted((project.cache / "mounts/docker").glob("*.used")) == notes
    assert volumes(project.with_variables(DOCKER_HOST=engine)) == kept
