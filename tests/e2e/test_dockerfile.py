"""The corpus built here and by Docker's BuildKit: the same files, the same configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.makers.corpus import BASE, CORPUS, LOCAL, run_base, write_context
from tests.makers.docker import Docker
from tests.makers.project import Project
from tests.makers.servers import require_programs

pytestmark = pytest.mark.services

# Files that only BuildKit has (docs/dockerfile.md): where it mounts something, it leaves a folder.
MEANT = {"mounts": ("/cache", "/m", "/m/app", "/scratch", "/t")}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A workspace whose targets are the corpus, on a base of its own."""
    targets = [BASE]
    for name in LOCAL:
        stated = {"name": name, "dockerfile": f"files/{name}.Dockerfile", "context": "context"}
        targets.append(f"- dockerfile_image: {json.dumps({**stated, 'contexts': {'base': ':base'}})}\n")
    with run_base(tmp_path_factory.mktemp("corpus")) as made:
        write_context(made.root / "context")
        shutil.copytree(CORPUS, made.root / "files")
        yield made.write({"BUILD.yaml": "".join(targets)})


@pytest.fixture(scope="module")
def docker(engine: str, project: Project) -> Docker:
    """The engine, with the workspace's base as `base`."""
    require_programs("busybox")
    docker = Docker(engine)
    _load(docker, project, "base")
    return docker


def _load(docker: Docker, project: Project, name: str) -> str:
    """Bring a target's image into the engine; returns its name there."""
    loader = project.with_variables(DOCKER_HOST=docker.address)
    loaded = loader.succeed("load", f":{name}", "--output", "json").json["image"]
    docker("tag", loaded, f"{name}:latest")
    return f"{name}:latest"


def _peer(name: str, folder: Path) -> Path:
    """What the engine builds: where its parser is too old for a file, the same in older words."""
    plain = CORPUS / f"{name}.plain"
    return plain if plain.exists() else folder / f"{name}.Dockerfile"


@pytest.mark.parametrize("name", LOCAL)
def test_as_buildkit_builds_it(name: str, project: Project, docker: Docker) -> None:
    ours = _load(docker, project, name)
    docker.build(_peer(name, project.root / "files"), project.root / "context", f"peer-{name}")
    files = _differences(docker.tree(ours), docker.tree(f"peer-{name}"))
    assert files == dict.fromkeys(MEANT.get(name, ()), (None, "folder 0755 0:0"))
    assert _differences(docker.config(ours), docker.config(f"peer-{name}")) == {}


def _differences(ours: Mapping[str, object], theirs: Mapping[str, object]) -> dict[str, object]:
    """What only one of them has, or both have differently."""
    return {
        key: (ours.get(key), theirs.get(key))
        for key in sorted({*ours, *theirs})
        if ours.get(key) != theirs.get(key)
    }
