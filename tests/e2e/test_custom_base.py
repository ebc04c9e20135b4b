"""The example on a base image: a private registry's image, laid out as the official Python images are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.conftest import Built, Sources
from tests.makers.base_images import Upstream
from tests.makers.docker import Docker
from tests.makers.examples import BASE, REPOSITORY
from tests.makers.gate import Gate, open_gate
from tests.makers.official_python import push_python
from tests.makers.project import Project
from tests.makers.registry_content import read_tag
from tests.makers.servers import PASSWORD, USER, require_programs

pytestmark = [pytest.mark.network, pytest.mark.services]

REPORT = "//:report"
PRINTED = "prefix  /opt/env\nbase    /usr/local\nuser    1000\n"
HOST = "registry.example.org/bases"


@pytest.fixture
def place() -> str:
    """A folder of one's own in registries."""
    return f"custom{uuid4().hex}"


@pytest.fixture
def upstream(built: Built, private_registry: str, place: str) -> Upstream:
    """The base, in the registry that wants a login."""
    upstream = Upstream(private_registry, f"{place}/python", (USER, PASSWORD))
    push_python(built.image(BASE), upstream, "3.11")
    return upstream


@pytest.fixture
def project(upstream: Upstream, sources: Sources, tmp_path: Path) -> Project:
    """The example, locked."""
    folder = REPOSITORY / "examples" / "custom_base"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    bases = f"{upstream.host}/{upstream.repository.partition('/')[0]}"
    assert HOST.encode() in files["envbuild.yaml"]
    files["envbuild.yaml"] = files["envbuild.yaml"].replace(HOST.encode(), bases.encode())
    project = (
        Project(tmp_path)
        .write(files)
        .with_variables(TEAM_USER=USER, TEAM_PASSWORD=PASSWORD, UV_DEFAULT_INDEX=f"{sources.url}/simple")
    )
    project.succeed("lock")
    return project


@pytest.fixture
def docker(engine: str) -> Iterator[Docker]:
    """The engine, with no image left behind for other tests to find layers in."""
    docker = Docker(engine)
    yield docker
    docker("image", "rm", "--force", *docker("image", "ls", "--quiet").decode().split())


def run(docker: Docker, image: str) -> str:
    """What an image's own command prints."""
    return docker("run", "--rm", "--network=none", image).decode()


def test_the_lock_names_no_host_and_no_login(project: Project, upstream: Upstream) -> None:
    for path in project.root.glob("*.lock.json"):
        text = path.read_text()
        assert upstream.host not in text
        assert PASSWORD not in text
    facts = project.lock("python")["platforms"]["linux/amd64"]["images"]["team//python:3.11"]["facts"]
    assert facts == {
        "interpreter": "/usr/local/bin/python3.11",
        "libc": "glibc 2.36",
        "python": "3.11.2",
        "suite": "bookworm",
    }


def test_it_runs_where_it_is_loaded(project: Project, docker: Docker) -> None:
    loaded = project.with_variables(DOCKER_HOST=docker.address)
    name = loaded.succeed("load", REPORT, "--output", "json").json["image"]
    assert run(docker, name) == PRINTED


def test_it_runs_where_it_is_pulled(project: Project, registry: str, place: str, docker: Docker) -> None:
    require_programs("skopeo")
    there = f"{registry}/{place}"
    target = project.succeed("build", REPORT, "--push", "--registry", there, "--output", "json").target
    assert read_tag(registry, f"{place}/{target['image']}") == target["digest"]
    image = f"{there}/{target['image']}:latest"
    docker("pull", "--quiet", image)
    assert run(docker, image) == PRINTED

    copied = f"{there}/copied:latest"
    command = ["skopeo", "copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"]
    subprocess.run([*command, f"docker://{image}", f"docker://{copied}"], check=True, capture_output=True)
    assert read_tag(registry, f"{place}/copied") == target["digest"]


def test_the_registry_of_the_base_gets_no_byte_of_it(
    project: Project, upstream: Upstream, place: str, tmp_path: Path
) -> None:
    with open_gate(Gate(upstream.host)) as gate:
        text = (project.root / "envbuild.yaml").read_text().replace(upstream.host, gate.host)
        machine = Project(tmp_path / "machine", project.variables).write(
            {**project.contents(), "envbuild.yaml": text}
        )
        there = f"{gate.host}/{place}"
        target = machine.succeed("build", REPORT, "--push", "--registry", there, "--output", "json").target
        sent = sum(len(asked.body) for asked in gate.asked)
        fetched = gate.count("GET", "/blobs/sha256")
    base = target["platforms"][0]["layers"][0]
    assert base["packages"] == ["team//python:3.11"]
    assert base["size"] > 20_000_000
    assert (fetched, target["pushed"]["mounted"]) == (0, 1)
    assert sent < 1_000_000
    assert read_tag(upstream.host, f"{place}/{target['image']}", (USER, PASSWORD)) == target["digest"]
