"""The layers of a base image move when that is needed, and then once: to push, to export, to run steps."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.makers.base_images import ROOT, Layer, Upstream, make_layer, sha256
from tests.makers.gate import Answer, Asked, Before, Gate, TokenGuard, open_gate
from tests.makers.project import Project, environment
from tests.makers.registry_content import read_tag
from tests.makers.servers import PASSWORD, USER

pytestmark = pytest.mark.services

APP = "//:app"
# Large enough to be told from all that is small, and of no use to compression.
BIG = {**ROOT, "usr/lib/big": b"".join(n.to_bytes(4, "big") * 3 for n in range(100_000))}


@pytest.fixture
def gate(registry: str) -> Iterator[Gate]:
    """The registry, behind a gate that counts requests."""
    with open_gate(Gate(registry)) as gate:
        yield gate


@pytest.fixture
def layer() -> Layer:
    """The only layer of the base, which no other test has."""
    return make_layer({**BIG, "etc/id": uuid4().hex})


@pytest.fixture
def place() -> str:
    """A folder of one's own in registries."""
    return f"p{uuid4().hex}"


def write_app(project: Project, image: str) -> Project:
    """An environment on a base, with a file of its own, locked."""
    base = f"- base_image: {json.dumps({'name': 'base', 'image': image})}\n"
    app = environment(base=":base", files={"main.py": "/app/main.py"})
    project.write({"BUILD.yaml": base + app, "main.py": "print()\n"})
    project.succeed("lock", APP)
    return project


def elsewhere(project: Project, top: Path) -> Project:
    """The same workspace on a machine with an empty cache."""
    return Project(top, project.variables).write(dict(project.contents()))


def stored(project: Project, layer: Layer) -> bool:
    return (project.cache / "blobs" / sha256(layer.data).replace(":", "/")).exists()


def asked_for(gate: Gate, layer: Layer) -> list[tuple[str, str]]:
    """The requests that moved a layer's bytes, or would have."""
    digest = sha256(layer.data)
    named = [asked for asked in gate.asked if digest in asked.target.replace("%3A", ":")]
    return [(asked.method, asked.path) for asked in named if asked.method != "HEAD"]


def uploaded(gate: Gate) -> int:
    return sum(len(asked.body) for asked in gate.asked if "/blobs/uploads/" in asked.target)


def test_a_registry_that_has_the_base_mounts_it(
    project: Project, gate: Gate, layer: Layer, place: str, tmp_path: Path
) -> None:
    upstream = Upstream(gate.host, f"{place}/base")
    upstream.push(layer, tag="1")
    machine = elsewhere(write_app(project, upstream.reference()), tmp_path / "machine")
    gate.asked.clear()
    registry = f"{gate.host}/{place}"
    target = machine.succeed("build", APP, "--push", "--registry", registry, "--output", "json").target
    mount = f"/v2/{place}/{target['image']}/blobs/uploads/"
    assert asked_for(gate, layer) == [("POST", mount)]
    assert uploaded(gate) == target["pushed"]["bytes"] < len(layer.data) / 10
    assert target["pushed"]["mounted"] == 1
    assert not stored(machine, layer)
    assert read_tag(gate.host, f"{place}/{target['image']}") == target["digest"]


def test_a_base_of_another_registry_is_copied_once(
    project: Project, gate: Gate, private_registry: str, layer: Layer, place: str, tmp_path: Path
) -> None:
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    project = project.with_variables(
        DOCKER_AUTH_CONFIG=json.dumps({"auths": {private_registry: {"auth": login}}})
    )
    upstream = Upstream(private_registry, f"{place}/base", (USER, PASSWORD))
    upstream.push(layer, tag="1")
    machine = elsewhere(write_app(project, upstream.reference()), tmp_path / "machine")
    arguments = ("--push", "--registry", f"{gate.host}/{place}", "--output", "json")
    gate.asked.clear()
    target = machine.succeed("build", APP, *arguments).target
    assert target["pushed"]["bytes"] == uploaded(gate) > len(layer.data)
    assert read_tag(gate.host, f"{place}/{target['image']}") == target["digest"]

    # Another environment on it, from another machine: the pool has the base by now.
    machine = elsewhere(project.write({"main.py": "print(2)\n"}), tmp_path / "other")
    gate.asked.clear()
    target = machine.succeed("build", APP, *arguments).target
    assert uploaded(gate) < len(layer.data) / 10
    assert not stored(machine, layer)
    assert read_tag(gate.host, f"{place}/{target['image']}") == target["digest"]


def refuse_mounts(asked: Asked) -> Answer | None:
    return Answer(405) if "mount" in dict(asked.query) else None


def start_uploads(asked: Asked) -> Answer | None:
    """What a registry does that may not mount: it begins an upload (distribution spec, "Mounting")."""
    asked_for_mount = asked.method == "POST" and "mount" in dict(asked.query)
    return Answer(202, headers={"Location": f"{asked.path}nowhere"}) if asked_for_mount else None


@pytest.mark.parametrize("before", [refuse_mounts, start_uploads])
def test_a_registry_without_mounts_gets_the_base(
    project: Project, gate: Gate, layer: Layer, place: str, tmp_path: Path, before: Before
) -> None:
    upstream = Upstream(gate.host, f"{place}/base")
    upstream.push(layer, tag="1")
    machine = elsewhere(write_app(project, upstream.reference()), tmp_path / "machine")
    gate.around = lambda asked, forward: before(asked) or forward(asked)
    registry = f"{gate.host}/{place}"
    target = machine.succeed("build", APP, "--push", "--registry", registry, "--output", "json").target
    assert target["pushed"]["mounted"] == 0
    assert read_tag(gate.host, f"{place}/{target['image']}") == target["digest"]


def test_a_layer_that_vanished_is_named(
    project: Project, registry: str, private_registry: str, layer: Layer, place: str, tmp_path: Path
) -> None:
    upstream = Upstream(registry, f"{place}/base")
    pushed = upstream.push(layer, tag="1")
    machine = elsewhere(write_app(project, upstream.reference()), tmp_path / "machine")
    upstream.remove(pushed["digest"])
    upstream.remove(sha256(layer.data), "blobs")
    said = machine.fail(4, "build", APP, "--push", "--registry", f"{registry}/{place}")
    assert said == (
        f"error: `{registry}/{place}/base` no longer has `{sha256(layer.data)}`\n"
        "hint: if its tag names another image by now: `envbuild lock --upgrade-package IMAGE`\n"
    )
    machine.succeed("build", APP)  # which needs no base
    assert sha256(layer.data) in machine.fail(4, "export", APP, "--format", "oci-archive", "-o", "x.tar")


def test_an_export_gets_the_base(
    project: Project, gate: Gate, layer: Layer, place: str, tmp_path: Path
) -> None:
    upstream = Upstream(gate.host, f"{place}/base")
    upstream.push(layer, tag="1")
    machine = elsewhere(write_app(project, upstream.reference()), tmp_path / "machine")
    gate.asked.clear()
    machine.succeed("build", APP)
    assert gate.asked == []
    machine.succeed("export", APP, "--format", "oci-archive", "-o", "x.tar")
    assert asked_for(gate, layer) == [("GET", f"/v2/{upstream.repository}/blobs/{sha256(layer.data)}")]
    with tarfile.open(machine.root / "x.tar") as archive:
        blob = archive.extractfile("blobs/" + sha256(layer.data).replace(":", "/"))
        assert blob is not None
        assert blob.read() == layer.data


def test_a_second_build_needs_no_base(
    project: Project, gate: Gate, layer: Layer, place: str, tmp_path: Path
) -> None:
    upstream = Upstream(gate.host, f"{place}/base")
    upstream.push(layer, tag="1")
    machine = elsewhere(write_app(project, upstream.reference()), tmp_path / "machine")
    gate.asked.clear()
    assert machine.succeed("verify", APP, "--output", "json").target["same"] is True
    assert gate.asked == []


def test_a_layer_that_an_image_has_twice(project: Project, gate: Gate, layer: Layer, place: str) -> None:
    # Older builders state an empty layer for each step that changed no file.
    upstream = Upstream(gate.host, f"{place}/base")
    empty = make_layer({})
    upstream.push(empty, layer, empty, tag="1")
    write_app(project, upstream.reference())
    registry = f"{gate.host}/{place}"
    target = project.succeed("build", APP, "--push", "--registry", registry, "--output", "json").target
    assert target["pushed"]["mounted"] == 2
    assert read_tag(gate.host, f"{place}/{target['image']}") == target["digest"]
    project.succeed("export", APP, "--format", "oci-archive", "-o", "x.tar")
    with tarfile.open(project.root / "x.tar") as archive:
        names = archive.getnames()
    assert len(names) == len(set(names))


def test_tokens_that_run_out(project: Project, registry: str, layer: Layer, place: str) -> None:
    Upstream(registry, f"{place}/base").push(layer, tag="1")
    guard = TokenGuard(USER, PASSWORD)

    def expire(asked: Asked) -> Answer | None:
        answer = guard(asked)
        if answer is None:
            guard.valid += 1  # each token serves one request
        return answer

    with open_gate(Gate(registry, before=expire)) as gate:
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        config = json.dumps({"auths": {gate.host: {"auth": auth}}})
        write_app(project.with_variables(DOCKER_AUTH_CONFIG=config), f"{gate.host}/{place}/base:1")
    # Manifest, config and layer.
    assert len(guard.given) == 3


def test_a_step_on_a_base_without_a_shell(project: Project, gate: Gate, layer: Layer, place: str) -> None:
    upstream = Upstream(gate.host, f"{place}/base")
    upstream.push(layer, tag="1")
    steps = json.dumps({"name": "steps", "dockerfile": f"FROM {upstream.reference()}\nRUN echo x\n"})
    project.write({"BUILD.yaml": f"- dockerfile_image: {steps}\n"}).succeed("lock")
    said = project.fail(1, "build")
    assert "/bin/sh" in said
    assert "RUN echo x" in said


def test_housekeeping_with_and_without_the_base(
    project: Project, registry: str, layer: Layer, place: str, tmp_path: Path
) -> None:
    upstream = Upstream(registry, f"{place}/base")
    pushed = upstream.push(layer, tag="1")
    write_app(project, upstream.reference())
    machine = elsewhere(project, tmp_path / "machine")
    for each in (project, machine):
        each.succeed("build", APP)
        each.succeed("cache", "gc", "--max-size", "0")
    assert (stored(project, layer), stored(machine, layer)) == (True, False)
    # What is there serves an export where the registry has nothing any more; and no image was lost.
    upstream.remove(pushed["digest"])
    upstream.remove(sha256(layer.data), "blobs")
    project.succeed("export", APP, "--format", "oci-archive", "-o", "x.tar")
    assert machine.succeed("build", APP, "--output", "json").target["status"] == "exists"
