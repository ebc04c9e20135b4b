"""Logins to the registries that bases come from, as the workspace states them."""

from __future__ import annotations

import base64
import json

import pytest

from tests.cli.base_images.conftest import (
    BASE,
    IN_VARIABLES,
    base_image,
    locked,
    name_registry,
)
from tests.makers.base_images import Upstream, make_layer
from tests.makers.project import Project
from tests.makers.servers import PASSWORD, USER

pytestmark = pytest.mark.services


@pytest.mark.parametrize("named", ["alias", "host"])
def test_a_login_in_variables(project: Project, private: Upstream, named: str) -> None:
    pushed = private.push(make_layer(), tag="1")
    base = (
        base_image(f"{private.repository}:1", registry="corp")
        if named == "alias"
        else base_image(private.reference())
    )
    project.write({"envbuild.yaml": name_registry(private.host, **IN_VARIABLES), "BUILD.yaml": base})
    project.with_variables(CORP_USER=USER, CORP_PASSWORD=PASSWORD).succeed("lock", BASE)
    assert locked(project)["named"] == pushed["digest"]
    text = (project.root / "base.lock.json").read_text()
    assert PASSWORD not in text
    assert (private.host in text) == (named == "host")


@pytest.mark.parametrize("form", ["line", "json"])
def test_a_login_in_a_file(project: Project, private: Upstream, form: str) -> None:
    private.push(make_layer(), tag="1")
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    text = {"line": f"{USER}:{PASSWORD}\n", "json": json.dumps({"auths": {private.host: {"auth": auth}}})}
    project.write(
        {
            "envbuild.yaml": name_registry(private.host, login_file="../secrets/corp"),
            "BUILD.yaml": base_image(f"{private.repository}:1", registry="corp"),
            "../secrets/corp": text[form],
        }
    )
    project.succeed("lock", BASE)
    project.succeed("build", BASE)


REFUSED_LOGINS = {
    "none": ({}, {}, "the registry answered 401 (unauthorized)\nhint: log in: `docker login HOST`"),
    "wrong": (
        IN_VARIABLES,
        {"CORP_USER": USER, "CORP_PASSWORD": "wrong-7f3a"},
        "the registry answered 401 (unauthorized)",
    ),
    "no variable": (
        IN_VARIABLES,
        {"CORP_USER": USER},
        "the login for `HOST` is to be in `CORP_PASSWORD`, which the environment does not have",
    ),
    "no file": ({"login_file": "gone"}, {}, "/workspace/gone` cannot be read"),
    "empty file": ({"login_file": "empty"}, {}, "/workspace/empty` has no login for `HOST`"),
}


@pytest.mark.parametrize(("login", "variables", "said"), REFUSED_LOGINS.values(), ids=REFUSED_LOGINS.keys())
def test_a_login_that_fails(
    project: Project, private: Upstream, login: dict[str, str], variables: dict[str, str], said: str
) -> None:
    private.push(make_layer(), tag="1")
    files = {
        "envbuild.yaml": name_registry(private.host, **login),
        "BUILD.yaml": base_image(f"{private.repository}:1", registry="corp"),
        "empty": "\n",
    }
    told = project.write(files).with_variables(**variables).fail(4, "lock", BASE)
    assert said.replace("HOST", private.host) in told
    assert "wrong-7f3a" not in told
