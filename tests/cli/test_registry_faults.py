"""Registries that refuse, that are not there, and that answer nonsense."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.makers.gate import Answer, Asked, Break, Gate, open_gate
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment
from tests.makers.registry_content import read_tag
from tests.makers.registry_faults import PASSING, PUBLISHING, Endpoint, FailOnce, Trouble
from tests.makers.servers import PASSWORD, USER, free_port


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    return project


def image_name(project: Project) -> str:
    (target,) = project.succeed("aquery", "--output", "json").json["targets"]
    return str(target["image"])


@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        (401, "401 (unauthorized)", "log in: `docker login {host}`, or name a file with the login in"),
        (403, "403 (forbidden)", "the login may not do this: ask for access to the repository, or log in as"),
        (500, "500 (internal server error)", "try again later"),
    ],
)
def test_refusal_before_anything_is_built(locked: Project, status: int, text: str, hint: str) -> None:
    """A registry that cannot be asked is an error, never "it is missing"."""
    with open_gate(Gate("", before=lambda asked: Answer(status, b"{}"))) as gate:
        error = locked.fail(4, "build", "--push", "--registry", gate.host)
        place = f"{gate.host}/{image_name(locked)}/manifests/latest"
        assert error.startswith(f"error: `{place}`: the registry answered {text}\nhint: ")
        assert hint.format(host=gate.host) in error
        assert gate.count("POST") == 0
    assert locked.images() == []


def test_repository_that_cannot_be_made(locked: Project) -> None:
    """The image is not there, and may not be: it is built, and the push says what failed."""
    with open_gate(Gate("", before=lambda asked: Answer(404, b"{}"))) as gate:
        error = locked.fail(4, "build", "--push", "--registry", gate.host)
        assert f"`{gate.host}/envs/" in error
        assert "the registry answered 404 (not found)\n" in error
        assert "hint: check the registry's address and the repository: some registries want it" in error
    # The work is not lost: the next try only pushes.
    assert len(locked.images()) == 1
    assert locked.succeed("build", "--output", "json").target["status"] == "exists"


def test_no_registry_there(locked: Project) -> None:
    host = f"127.0.0.1:{free_port()}"
    error = locked.fail(4, "build", "--push", "--registry", host)
    assert error.startswith(f"error: registry `{host}`: ")
    assert "cannot be reached\nhint: check the address, the network and proxies\n" in error
    assert locked.images() == []


def test_another_web_server(locked: Project) -> None:
    """A page that says 200 to everything is no image."""
    with open_gate(
        Gate("", before=lambda asked: Answer(200, b"<html>", {"Content-Type": "text/html"}))
    ) as gate:
        error = locked.fail(4, "build", "--push", "--registry", gate.host)
    place = f"{gate.host}/{image_name(locked)}/manifests/latest"
    assert error == (
        f"error: `{place}` is no image of ours: its media type is `text/html`\n"
        "hint: check the address: this may be no registry\n"
    )
    assert locked.images() == []


def test_push_of_what_is_not_built(locked: Project) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(404, b"{}")

    with open_gate(Gate("", before=answer)) as gate:
        name = image_name(locked).removeprefix("envs/")
        assert locked.fail(4, "push", "--registry", gate.host) == (
            f"error: `//:app` is not built: the store has no `{name}`\n"
            "hint: run `envbuild build //:app --push`\n"
        )


# A build without `--push` asks no registry, whatever is set.
def test_registry_that_is_not_asked(locked: Project) -> None:
    host = f"127.0.0.1:{free_port()}"
    assert "image    envs/env_" in locked.succeed("build", "--registry", host).out


def test_registry_that_does_not_answer(locked: Project) -> None:
    """It is neither there nor missing: nothing is built."""
    hasty = locked.with_variables(ENVBUILD_HTTP_TIMEOUT="0.2")
    with open_gate(Gate("", before=lambda asked: Answer(0, broken=Break(silent=True)))) as gate:
        error = hasty.fail(4, "build", "--push", "--registry", gate.host)
        place = f"{gate.host}/v2/{image_name(locked)}/manifests/latest"
        assert error == (
            f"error: registry `{gate.host}`: `http://{place}` did not answer in time\n"
            "hint: check the network, then try again\n"
        )
        assert len(gate.asked) == 3
    assert locked.images() == []


def test_time_that_is_none(locked: Project) -> None:
    assert locked.with_variables(ENVBUILD_HTTP_TIMEOUT="soon").fail(2, "build") == (
        "error: `ENVBUILD_HTTP_TIMEOUT` is no number of seconds: `soon`\n"
        "hint: set `ENVBUILD_HTTP_TIMEOUT=60`\n"
    )


@pytest.mark.services
def test_registry_that_fails_once_at_everything(
    locked: Project, private_registry: str, tmp_path: Path
) -> None:
    """And wants a login; what is there afterwards is whole."""
    with open_gate(Gate(private_registry, before=FailOnce(503))) as gate:
        login = json.dumps({"auths": {gate.host: {"username": USER, "password": PASSWORD}}})
        known = locked.with_variables(DOCKER_AUTH_CONFIG=login)
        name = f"{gate.host}/once"
        target = known.succeed("build", "--push", "--registry", name, "--output", "json").target
        assert gate.count("PUT", "/manifests/latest") == 2
    place = f"once/{target['image']}"
    assert read_tag(private_registry, place, login=(USER, PASSWORD)) == target["digest"]


@pytest.mark.services
@pytest.mark.parametrize("endpoint", PUBLISHING[2:], ids=lambda endpoint: endpoint.name.replace(" ", "-"))
def test_registry_that_breaks_off_while_it_is_pushed_to(
    locked: Project, registry: str, endpoint: Endpoint
) -> None:
    """No tag before its blobs; the work is not lost, and the next push ends it."""
    both = environment(pip=["alpha"], platforms=["linux/amd64", "linux/arm64"])
    locked.write({"BUILD.yaml": both}).succeed("lock")
    place = f"t{uuid4().hex}"
    with open_gate(Gate(registry)) as gate:
        gate.around = Trouble(endpoint, PASSING["cut"], always=True)
        error = locked.fail(4, "build", "--push", "--registry", f"{gate.host}/{place}")
        assert error.startswith(f"error: registry `{gate.host}`: `http://{gate.host}/v2/{place}/envs/")
        assert "broke off its answer\nhint: try again; a proxy may be in between\n" in error
        repository = f"{place}/{image_name(locked)}"
        if endpoint.name != "GET tag after PUT":
            assert read_tag(registry, repository) is None
    name = f"{registry}/{place}"
    target = locked.succeed("push", "--registry", name, "--output", "json").target
    assert read_tag(registry, repository) == target["digest"]
