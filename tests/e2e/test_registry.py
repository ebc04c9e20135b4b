"""Into Debian's registry and out again: only what is new moves, whoever pushes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Built, Sources
from tests.makers.examples import ARM64, HELLO, NOWHERE, SKLEARN, copy_examples, stored_blobs, use_sources
from tests.makers.gate import Gate, open_gate
from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Project, environment
from tests.makers.registry_content import read_tag
from tests.makers.servers import PASSWORD, USER, require_programs
from tests.makers.stored import StoredImage

pytestmark = [pytest.mark.network, pytest.mark.services]

APP = "//app:app"
# Small packages, of which `gamma` and `theta` share a layer (docs/layering.md).
VERSIONS = dict.fromkeys(("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"), "1.0")


@pytest.fixture
def gate(registry: str) -> Iterator[Gate]:
    """The registry, behind a gate that counts requests."""
    with open_gate(Gate(registry)) as gate:
        yield gate


def pushed_target(project: Project, registry: str, label: str) -> dict[str, Any]:
    """What `build --push` reports of one target."""
    return project.succeed("build", label, "--push", "--registry", registry, "--output", "json").target


def published(registry: str, name: str) -> str | None:
    """The digest under which a registry has an image, all of it; `registry` may end in a path."""
    host, _, path = registry.partition("/")
    return read_tag(host, f"{path}/{name}" if path else name)


def uploads(gate: Gate) -> int:
    """The bytes of blobs that went through a gate."""
    return sum(len(asked.body) for asked in gate.asked if "/blobs/uploads/" in asked.target)


def changes(gate: Gate) -> int:
    """How many requests asked the registry to change anything."""
    return sum(asked.method not in ("GET", "HEAD") for asked in gate.asked)


def test_first_and_second_push(built: Built, gate: Gate) -> None:
    registry = f"{gate.host}/twice"
    first = pushed_target(built.project, registry, SKLEARN)
    image = built.image(SKLEARN)
    manifest = image.manifest("linux/amd64")
    blobs = [manifest["config"], *manifest["layers"]]
    size = sum({blob["digest"]: blob["size"] for blob in blobs}.values())
    assert (first["status"], first["digest"]) == ("exists", image.digest)
    assert first["pushed"]["blobs"] == len({blob["digest"] for blob in blobs})
    assert first["pushed"]["bytes"] == uploads(gate) == size
    assert published(registry, first["image"]) == image.digest

    gate.asked.clear()
    second = pushed_target(built.project, registry, SKLEARN)
    assert second["pushed"] == {"registry": registry, "bytes": 0, "blobs": 0, "mounted": 0}
    assert (second["status"], second["actions"]["executed"]) == ("exists", 0)
    assert changes(gate) == 0


def test_an_empty_machine_builds_and_fetches_nothing(built: Built, gate: Gate, project: Project) -> None:
    registry = f"{gate.host}/elsewhere"
    built.project.succeed("push", SKLEARN, "--registry", registry)
    gate.asked.clear()
    target = pushed_target(use_sources(project, NOWHERE), registry, SKLEARN)
    assert (target["status"], target["digest"]) == ("exists", built.digest(SKLEARN))
    assert target["pushed"] == {"registry": registry, "bytes": 0, "blobs": 0, "mounted": 0}
    assert stored_blobs(project) == {}
    assert changes(gate) == 0
    assert gate.count("GET", "/blobs/") == 0


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    """Two versions of each of some small packages."""
    packages = [
        make_package(name, version, payload=f"{name} {version}\n".encode() * 1000)
        for name in VERSIONS
        for version in ("1.0", "2.0")
    ]
    with run_index(*packages) as index:
        yield index


def write_app(project: Project, pins: dict[str, str]) -> None:
    """An environment of these packages on the examples' base, locked."""
    requirements = [f"{name}=={version}" for name, version in pins.items()]
    project.write({"app/BUILD.yaml": environment(base="//examples/bases:python311", pip=requirements)})
    project.succeed("lock", APP)


def layers_of(target: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The layers of a target for one platform, by digest."""
    (platform,) = target["platforms"]
    return {layer["digest"]: layer for layer in platform["layers"]}


def config_size(project: Project, target: dict[str, Any]) -> int:
    image = StoredImage(project.cache / "images" / target["image"].removeprefix("envs/"))
    return int(image.manifest("linux/amd64")["config"]["size"])


@pytest.mark.parametrize("machine", ["the same", "empty"])
def test_a_changed_pin_moves_one_layer(
    gate: Gate, sources: Sources, index: FakeIndex, tmp_path: Path, machine: str
) -> None:
    registry = f"{gate.host}/{machine.replace(' ', '-')}"
    project = copy_examples(Project(tmp_path / "first"))
    project = use_sources(project, sources.url).with_variables(UV_DEFAULT_INDEX=index.url)
    write_app(project, VERSIONS)
    before = pushed_target(project, registry, APP)
    if machine == "empty":
        project = Project(tmp_path / "second", project.variables).write(dict(project.contents()))
    write_app(project, {**VERSIONS, "gamma": "2.0"})
    gate.asked.clear()
    after = pushed_target(project, registry, APP)

    new = [layer for digest, layer in layers_of(after).items() if digest not in layers_of(before)]
    assert [[each for each in layer["packages"] if each.startswith("gamma")] for layer in new] == [
        ["gamma 2.0"]
    ]
    size = new[0]["size"] + config_size(project, after)
    assert (after["pushed"]["bytes"], after["pushed"]["blobs"]) == (size, 2)
    assert uploads(gate) == size
    assert published(registry, after["image"]) == after["digest"] != before["digest"]


@pytest.mark.parametrize("label", [SKLEARN, ARM64])
@pytest.mark.parametrize("way", ["store", "oci-archive"])
def test_other_tools_carry_the_image(
    built: Built, registry: str, tmp_path: Path, label: str, way: str
) -> None:
    require_programs("skopeo")
    source = f"oci:{built.image(label).layout}:latest"
    if way == "oci-archive":
        archive = tmp_path / "image.tar"
        built.project.succeed("export", label, "--format", "oci-archive", "-o", str(archive))
        source = f"oci-archive:{archive}:latest"
    name = f"skopeo/{way}/{built.name(label)}"
    command = ["skopeo", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false"]
    subprocess.run([*command, source, f"docker://{registry}/{name}:latest"], check=True, capture_output=True)
    assert published(registry, name) == built.digest(label)


def test_a_registry_that_wants_a_login(
    built: Built, private_registry: str, project: Project, tmp_path: Path
) -> None:
    anonymous = use_sources(project, NOWHERE)
    said = anonymous.fail(4, "build", HELLO, "--push", "--registry", private_registry)
    assert f"hint: log in: `docker login {private_registry}`" in said
    assert stored_blobs(project) == {}

    login = tmp_path / "login"
    login.mkdir()
    command = ["skopeo", "login", "--tls-verify=false", "--authfile", str(login / "config.json")]
    subprocess.run([*command, "-u", USER, "-p", PASSWORD, private_registry], check=True, capture_output=True)
    known = built.project.with_variables(DOCKER_CONFIG=str(login))
    target = pushed_target(known, private_registry, HELLO)
    assert target["digest"] == built.digest(HELLO)
    assert target["pushed"]["blobs"] > 0


def test_a_registry_that_cannot_be_asked(project: Project) -> None:
    # It may have the image: neither "it is there" nor "it is missing" would be true.
    nowhere = NOWHERE.removeprefix("http://")
    said = use_sources(project, NOWHERE).fail(4, "build", HELLO, "--push", "--registry", nowhere)
    assert f"registry `{nowhere}`" in said
    assert stored_blobs(project) == {}


def test_push_builds_nothing(project: Project, registry: str) -> None:
    said = use_sources(project, NOWHERE).fail(4, "push", HELLO, "--registry", f"{registry}/nothing")
    assert f"`{HELLO}` is not built" in said
    assert f"envbuild build {HELLO} --push" in said
