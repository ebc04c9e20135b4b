"""Images of registries as bases: locked by digest, moved only where that is asked, fit for the spec."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.makers.base_images import CONFIG, Upstream, make_layer, sha256
from tests.makers.project import Project

pytestmark = pytest.mark.services

BASE = "//:base"


@pytest.fixture
def upstream(registry: str) -> Upstream:
    """A repository of one's own in the registry."""
    return Upstream(registry, f"base{uuid4().hex}/python")


def base_image(image: str, **attributes: object) -> str:
    """A target of the rule for BUILD.yaml."""
    return f"- base_image: {json.dumps({'name': 'base', 'image': image, **attributes})}\n"


def locked(project: Project, name: str = "base", platform: str = "linux/amd64") -> dict[str, Any]:
    """The only image of a lock."""
    (image,) = project.lock(name)["platforms"][platform]["images"].values()
    assert isinstance(image, dict)
    return image


def test_what_a_lock_has_of_an_image(project: Project, upstream: Upstream) -> None:
    layer = make_layer()
    pushed = upstream.push(layer, tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    out = project.succeed("lock", BASE).out
    assert f"+ {upstream.reference()} {pushed['digest']}" in out
    image = locked(project)
    assert (image["named"], image["manifest"]) == (pushed["digest"], [pushed["digest"], pushed["size"]])
    assert [(each["sha256"], each["version"], each["size"]) for each in image["layers"]] == [
        (sha256(layer.data).removeprefix("sha256:"), layer.diff_id, len(layer.data))
    ]
    assert image["config"] == {**CONFIG, "Env": sorted(CONFIG["Env"])}
    assert image["facts"] == {
        "libc": "glibc 2.36",
        "python": "3.11.9",
        "interpreter": "/usr/local/bin/python3.11",
    }
    assert image["packages"] == ["libc6 2.36-9 amd64"]
    project.succeed("lock", "--check", BASE)
    project.succeed("build", BASE)
