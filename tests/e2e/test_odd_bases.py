"""Steps on images in rare forms: made in the sandbox, run there and by an engine."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.makers.base_images import OCI, Layer, Upstream, make_layer, sha256
from tests.makers.docker import Docker
from tests.makers.gate import Answer, Asked, Gate, TokenGuard, open_gate
from tests.makers.lazy_layers import make_chunked, make_estargz
from tests.makers.project import Project
from tests.makers.registry_content import read_tag
from tests.makers.roots import make_busybox
from tests.makers.servers import PASSWORD, USER
from tests.makers.stored import StoredImage

pytestmark = pytest.mark.services

STEP = 'RUN echo "$NAME" > /made\nCMD ["cat", "/made"]\n'
Make = Callable[[bytes], Layer]


def as_gzip(tar: bytes) -> Layer:
    """A layer as most are."""
    return Layer(gzip.compress(tar, mtime=0), f"{OCI}.layer.v1.tar+gzip", sha256(tar))


EMPTY = as_gzip(bytes(1024))


@dataclass(frozen=True)
class Form:
    """Layers below and above the shell's, the form of that, and further fields of the config."""

    make: Make = as_gzip
    below: tuple[Layer, ...] = ()
    above: tuple[Layer, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    for_docker: bool = True  # which reads no zstd at this age


HISTORY = [{"created_by": "ENV A=1", "empty_layer": True}, {"comment": "x"}]
FORMS = {
    "empty layers": Form(below=(EMPTY,), above=(EMPTY, EMPTY)),
    "eStargz": Form(make_estargz),
    "zstd:chunked": Form(make_chunked, for_docker=False),
    "a history of more than layers": Form(
        more={
            "history": [{"created_by": "ENV A=1", "empty_layer": True}, {"comment": "x"}],
            "os.version": "1",
        }
    ),
    "triggers": Form(config={"OnBuild": ["ENV NAME=triggered"]}),
    "nearly as many layers as an engine takes": Form(
        above=tuple(make_layer({f"layers/{n}": str(n)}) for n in range(120))
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty workspace."""
    return Project(tmp_path).write({"envbuild.yaml": ""})


@pytest.fixture
def upstream(registry: str) -> Upstream:
    """A repository of one's own."""
    return Upstream(registry, f"odd{uuid4().hex}/base")


def push(upstream: Upstream, form: Form) -> list[Layer]:
    """Put an image in this form there; returns its layers."""
    shell = form.make(gzip.decompress(make_busybox()))
    config = {"Env": ["PATH=/bin", "NAME=plain"], **form.config}
    layers = [*form.below, shell, *form.above]
    upstream.push(*layers, tag="1", config=config, more=form.more)
    return layers


def build(project: Project, dockerfile: str, *options: str) -> dict[str, Any]:
    """Lock and build a target by a Dockerfile alone; returns its report."""
    target = json.dumps({"name": "app", "dockerfile": dockerfile})
    project.write({"BUILD.yaml": f"- dockerfile_image: {target}\n"}).succeed("lock")
    return project.succeed("build", *options, "--output", "json").target


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_step_on_it(project: Project, upstream: Upstream, engine: str, form: Form) -> None:
    pushed = push(upstream, form)
    place = upstream.repository.partition("/")[0]
    registry = f"{upstream.host}/{place}"
    target = build(project, f"FROM {upstream.reference()}\n{STEP}", "--push", "--registry", registry)
    printed = "triggered\n" if "OnBuild" in form.config else "plain\n"
    assert project.succeed("run", "//:app").out == printed
    assert read_tag(upstream.host, f"{place}/{target['image']}") == target["digest"]
    assert target["pushed"]["mounted"] >= 1
    below = StoredImage(project.cache / "images" / target["image"].removeprefix("envs/")).manifest(
        "linux/amd64"
    )["layers"]
    assert below[: len(pushed)] == [layer.descriptor for layer in pushed]
    if form.for_docker:
        docker = Docker(engine)
        image = f"{registry}/{target['image']}:latest"
        docker("pull", "--quiet", image)
        assert docker("run", "--rm", "--network=none", image).decode() == printed


def test_an_image_without_layers(project: Project, upstream: Upstream) -> None:
    push(upstream, Form())
    upstream.push(tag="none", config={"Env": ["PATH=/bin", "NAME=nothing"]})
    build(project, f"FROM {upstream.reference('none')}\nCOPY --from={upstream.reference()} / /\n{STEP}")
    assert project.succeed("run", "//:app").out == "nothing\n"


def test_a_token_of_a_helper_and_storage_elsewhere(
    project: Project, upstream: Upstream, registry: str, tmp_path: Path
) -> None:
    """As registries of clouds are: a helper has an identity token, and blobs are on another host."""
    push(upstream, Form())
    guard = TokenGuard(USER, PASSWORD, "an-identity-token")
    with open_gate(Gate(registry)) as storage, open_gate(Gate(registry, before=guard)) as front:

        def hand_over(asked: Asked, answer: Answer) -> Answer:
            if asked.method == "GET" and "/blobs/" in asked.target and answer.status == 200:
                return Answer(307, b"", {"Location": f"http://{storage.host}{asked.target}"})
            return answer

        front.after = hand_over
        project = with_helper(project, tmp_path, {"Username": "<token>", "Secret": "an-identity-token"})
        build(project, f"FROM {front.host}/{upstream.repository}:1\n{STEP}")
        assert project.succeed("run", "//:app").out == "plain\n"
        assert storage.count("GET", "/blobs/") == 2  # config and layer, each once
        assert not any("authorization" in asked.headers for asked in storage.asked)
    assert "an-identity-token" not in "".join(path.read_text() for path in project.root.iterdir())


def with_helper(project: Project, folder: Path, answer: Mapping[str, str]) -> Project:
    """The project on a machine whose Docker keeps all logins by a program."""
    program, config = folder / "bin/docker-credential-cloud", folder / "docker/config.json"
    for path in (program, config):
        path.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat > {folder}/asked\necho '{json.dumps(answer)}'\n")
    program.chmod(0o755)
    config.write_text(json.dumps({"credsStore": "cloud"}))
    search = f"{program.parent}:{project.environment['PATH']}"
    return project.with_variables(PATH=search, DOCKER_CONFIG=str(config.parent))
