"""Images of registries as bases: locked by digest, moved only where that is asked, fit for the spec."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.makers.base_images import CONFIG, ROOT, Upstream, make_layer, sha256
from tests.makers.gate import Gate, open_gate
from tests.makers.project import Project
from tests.makers.servers import PASSWORD, USER

pytestmark = pytest.mark.services

BASE = "//:base"


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


def test_a_tag_that_moves_changes_nothing_until_that_is_asked(project: Project, upstream: Upstream) -> None:
    old = upstream.push(make_layer(), tag="1")["digest"]
    reference = upstream.reference()
    project.write({"BUILD.yaml": base_image(reference)})
    project.succeed("lock", BASE)
    before = project.contents()
    target = project.succeed("build", BASE, "--output", "json").target
    assert "note" not in project.succeed("lock", BASE).out

    new = upstream.push(make_layer({**ROOT, "etc/new": "new"}), tag="1")["digest"]
    said = project.succeed("lock", BASE).out
    follow = f"envbuild lock --upgrade-package {reference}"
    assert f"  note: `{reference}`: tag moved: {old} -> {new}; run `{follow}` to follow it\n" in said
    report = project.succeed("lock", BASE, "--output", "json").target
    assert report["moved"] == [{"name": reference, "old": old, "new": new}]
    assert project.contents() == before
    project.succeed("lock", "--check", BASE)
    again = project.succeed("build", BASE, "--output", "json").target
    assert (again["image"], again["digest"]) == (target["image"], target["digest"])

    said = project.succeed(*follow.split()[1:], BASE).out
    assert f"  ~ {reference} {old} -> {new}\n" in said
    assert "note" not in said
    assert locked(project)["named"] == new
    assert project.succeed("build", BASE, "--output", "json").target["image"] != target["image"]


def test_an_upgrade_of_all_follows_tags(project: Project, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    project.succeed("lock", BASE)
    new = upstream.push(make_layer({**ROOT, "etc/new": "new"}), tag="1")["digest"]
    project.succeed("lock", "--upgrade", BASE)
    assert locked(project)["named"] == new


def test_who_is_offline_is_told_of_no_tag(project: Project, registry: str, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    with open_gate(Gate(registry)) as gate:
        project.write({"BUILD.yaml": base_image(f"{gate.host}/{upstream.repository}:1")})
        project.succeed("lock", BASE)
    outcome = project.succeed("lock", BASE)
    assert (outcome.out, outcome.err) == (f"{BASE}  is locked already\n", "")


def test_one_question_per_image_tells_of_tags(project: Project, registry: str, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    with open_gate(Gate(registry)) as gate:
        image = f"{gate.host}/{upstream.repository}:1"
        project.write({"BUILD.yaml": base_image(image) + base_image(image, name="second")})
        project.succeed("lock", "//...")
        gate.asked.clear()
        project.succeed("lock", "//...")
        assert [(asked.method, asked.path) for asked in gate.asked] == [
            ("GET", f"/v2/{upstream.repository}/manifests/1")
        ]


def test_an_image_to_upgrade_that_no_lock_has(project: Project, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    project.succeed("lock", BASE)
    said = project.fail(2, "lock", BASE, "--upgrade-package", upstream.reference("2"))
    assert f"none of these locks has the image `{upstream.reference('2')}`" in said
    assert f"did you mean `{upstream.reference()}`?" in said


def name_registry(host: str, **login: str) -> str:
    """envbuild.yaml with a registry under the alias `corp`."""
    return f"sources: {json.dumps([{'registry': {'name': 'corp', 'host': host, **login}}])}\n"


IN_VARIABLES = {"username_env": "CORP_USER", "password_env": "CORP_PASSWORD"}


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


def test_an_alias_that_the_workspace_does_not_have(project: Project) -> None:
    project.write({"BUILD.yaml": base_image("team/base:1", registry="corp")})
    assert "the workspace has no registry `corp`" in project.fail(4, "lock", BASE)
