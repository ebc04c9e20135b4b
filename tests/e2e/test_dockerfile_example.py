"""The Dockerfile among the examples: by whomever and wherever its steps run, it is the same image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from tests.e2e.conftest import Built
from tests.makers.docker import Docker
from tests.makers.examples import NOWHERE, PRIMES, PRIMES_BASE, TOOLCHAIN, use_sources
from tests.makers.nobody import SUB_IDS, copy_parts, grant, run_as_nobody
from tests.makers.project import Project
from tests.makers.servers import require_programs

pytestmark = pytest.mark.network

KNOWN = [2, 3, 5, 7, 11, 13, 17, 19]


@pytest.fixture
def fresh(built: Built) -> Iterator[Project]:
    """The examples as nobody's workspace, with their packages, and nothing that was made of them."""
    require_programs("newuidmap", root=True)
    top = Path(mkdtemp())
    yield copy_parts(built.project, use_sources(Project(top), NOWHERE), "blobs")
    rmtree(top)


def test_an_ordinary_user_builds_and_runs_it(built: Built, fresh: Project) -> None:
    """Without an engine: none is there, and Docker's own command line is not used."""
    prefix = grant(SUB_IDS, fresh.top)
    done = run_as_nobody(fresh, ["build", PRIMES, "--output", "json"], prefix)
    assert done.returncode == 0, done
    (target,) = json.loads(done.stdout)["targets"]
    assert target["actions"]["executed"] > 0
    assert target["digest"] == built.digest(PRIMES)
    ran = run_as_nobody(fresh, ["run", PRIMES], prefix)
    assert list(map(int, ran.stdout.split())) == KNOWN, ran


def test_a_user_without_sub_ids_is_told_what_it_takes(fresh: Project) -> None:
    """The base has files of a group, which such a user's steps cannot have."""
    done = run_as_nobody(fresh, ["build", PRIMES], grant("", fresh.top))
    assert done.returncode == 1, done
    assert "hint: " in done.stderr
    assert "sub-ids" in done.stderr or "/etc/subuid" in done.stderr


@pytest.mark.services
def test_the_engine_makes_the_same_image(built: Built, fresh: Project, engine: str) -> None:
    """Every layer of it: what steps make is the same in a container, to the bit."""
    project = fresh.with_variables(DOCKER_HOST=engine)
    target = project.succeed("build", PRIMES, "--executor", "docker", "--output", "json").target
    assert target["actions"]["executed"] > 0
    assert target["platforms"][0]["layers"] == built.targets[PRIMES]["platforms"][0]["layers"]
    assert target["digest"] == built.digest(PRIMES)


@pytest.mark.services
def test_it_is_a_dockerfile_for_docker(built: Built, engine: str) -> None:
    docker, project = Docker(engine), built.project.with_variables(DOCKER_HOST=engine)
    for name, label in {"base": PRIMES_BASE, "toolchain": TOOLCHAIN, "ours": PRIMES}.items():
        docker("tag", project.succeed("load", label, "--output", "json").json["image"], name)
    folder = project.root / "examples/dockerfile"
    docker.build(folder / "Dockerfile", folder, "theirs")
    ours, theirs = docker.tree("ours"), docker.tree("theirs")
    assert set(theirs) - set(ours) == {"/src"}  # the place of the mount (docs/dockerfile.md)
    assert {path: theirs[path] for path in ours} == ours
    assert docker.config("ours") == docker.config("theirs")
