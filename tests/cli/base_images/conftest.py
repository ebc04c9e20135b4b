from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.makers.base_images import Upstream
from tests.makers.project import Project, environment
from tests.makers.servers import PASSWORD, USER
from tests.makers.stored import StoredImage

BASE, APP = "//:base", "//:app"
IN_VARIABLES = {"username_env": "CORP_USER", "password_env": "CORP_PASSWORD"}


@pytest.fixture
def upstream(registry: str) -> Upstream:
    """A repository of one's own in the registry."""
    return Upstream(registry, f"base{uuid4().hex}/python")


@pytest.fixture
def private(private_registry: str) -> Upstream:
    """A repository of a registry that wants a login."""
    return Upstream(private_registry, f"base{uuid4().hex}/python", (USER, PASSWORD))


def base_image(image: str, **attributes: object) -> str:
    """A target of the rule for BUILD.yaml."""
    return f"- base_image: {json.dumps({'name': 'base', 'image': image, **attributes})}\n"


def locked(project: Project, name: str = "base", platform: str = "linux/amd64") -> dict[str, Any]:
    """The only image of a lock."""
    (image,) = project.lock(name)["platforms"][platform]["images"].values()
    assert isinstance(image, dict)
    return image


def name_registry(host: str, **login: str) -> str:
    """envbuild.yaml with a registry under the alias `corp`."""
    return f"sources: {json.dumps([{'registry': {'name': 'corp', 'host': host, **login}}])}\n"


def write_app(project: Project, image: str, **attributes: object) -> Project:
    """An environment with a file of its own on a base."""
    app = environment("app", base=":base", files={"main.py": "/app/main.py"}, **attributes)
    return project.write({"BUILD.yaml": base_image(image) + app, "main.py": "print()\n"})


def built_image(project: Project, label: str) -> StoredImage:
    """The image of a target, which is built."""
    target = project.succeed("build", label, "--output", "json").target
    return StoredImage(project.cache / "images" / target["image"].removeprefix("envs/"))
