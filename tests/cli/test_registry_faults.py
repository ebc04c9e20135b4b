"""Registries that refuse, that are not there, and that answer nonsense."""

from __future__ import annotations

import pytest

from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment
from tests.makers.servers import free_port


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
