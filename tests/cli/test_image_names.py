"""Images under the workspace's own name: every command calls them what others will find them by."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import urllib.request
from uuid import uuid4

import pytest

from envbuild.oci.descriptor import MANIFEST
from tests.makers.project import Project, environment

TEMPLATES = ("team:env_{hash}", "ours/{hash}")


@pytest.fixture(params=TEMPLATES)
def named(request: pytest.FixtureRequest, project: Project) -> Project:
    """A target that needs no package, in a workspace that names images."""
    settings = project.contents()["envbuild.yaml"].decode()
    app = environment(pip=[], files={"data.txt": "/data.txt"})
    project.write({"envbuild.yaml": f"{settings}image: {json.dumps(request.param)}\n"})
    project.write({"BUILD.yaml": app, "data.txt": "one\n"}).succeed("lock")
    return project.with_variables(TEMPLATE=request.param)


def expected_name(project: Project) -> str:
    """The template with the hash of the only image in the store."""
    (stored,) = project.images()
    return project.variables["TEMPLATE"].replace("{hash}", stored.removeprefix("env_"))


def test_reports(named: Project) -> None:
    built = named.succeed("build", "--output", "json").target["image"]
    assert built == expected_name(named)
    for command in (["build", "--no-memo"], ["build"], ["verify"], ["aquery"]):
        (target,) = named.succeed(*command, "--output", "json").json["targets"]
        assert target["image"] == built
    assert f"  image    {built}\n" in named.succeed("build").out


def test_nothing_to_do_is_remembered(named: Project) -> None:
    for path in named.root.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    first, second = (named.succeed("build").out for _ in range(2))
    assert "done in" in first
    assert "done in" not in second
    # The name is a setting: with another one, the answer is another one.
    settings = named.contents()["envbuild.yaml"].decode()
    named.write({"envbuild.yaml": settings.replace(named.variables["TEMPLATE"], "other/{hash}")})
    assert "  image    other/" in named.succeed("build").out


def test_archive(named: Project) -> None:
    named.succeed("export", ":app", "--format", "docker-archive", "-o", "app.tar")
    with tarfile.open(named.root / "app.tar") as archive:
        member = archive.extractfile("manifest.json")
        assert member
        (entry,) = json.load(member)
    assert entry["RepoTags"] == [tagged(expected_name(named))]


@pytest.mark.services
def test_pushed(named: Project, registry: str) -> None:
    place = f"{registry}/t{uuid4().hex}"
    target = named.succeed("build", "--push", "--registry", place, "--output", "json").target
    repository, _, tag = tagged(target["image"]).partition(":")
    url = f"http://{place.replace('/', '/v2/', 1)}/{repository}/manifests/{tag}"
    asked = urllib.request.Request(url, headers={"Accept": MANIFEST})
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["Docker-Content-Digest"] == target["digest"]


@pytest.mark.services
def test_loaded(named: Project, engine: str) -> None:
    outcome = named.with_variables(DOCKER_HOST=engine).succeed("load", ":app")
    name = tagged(expected_name(named))
    assert outcome.out == f"loaded {name}\n"
    removed = subprocess.run(["docker", "--host", engine, "image", "rm", name], check=False)
    assert removed.returncode == 0


def tagged(image: str) -> str:
    return image if ":" in image else f"{image}:latest"
