"""A login for a registry, and the tokens that it is exchanged for, are used and found again nowhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from tests.makers.gate import Answer, Asked, Gate, TokenGuard, open_gate
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Outcome, Project, environment
from tests.makers.secrets import find_in_folder, has_secret

pytestmark = pytest.mark.services

USER, PASSWORD, REFRESH = "marked-user", "marked/7f3a@+secret", "marked.refresh-7f3a/token"
HOLDERS = ("home/.docker/config.json", "home/auth.json", "home/bin/docker-credential-marked")
TOLD = ["-v", "--events", "../events", "--profile", "../profile"]
AUTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
HELPER = """#!/bin/sh
cat > /dev/null
echo '{"Username": "%s", "Secret": "%s"}'
"""

Carry = Callable[[Project, str], Project]


def configure(**config: object) -> Carry:
    """Docker's configuration in the user's home."""

    def carry(project: Project, host: str) -> Project:
        text = json.dumps(config).replace("HOST", host)
        return keep(project, ".docker/config.json", text)

    return carry


def keep(project: Project, name: str, text: str, mode: int = 0o600) -> Project:
    path = Path(project.environment["HOME"], name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return project


def install_helper(user: str, secret: str) -> Carry:
    """A credential helper on the PATH."""

    def carry(project: Project, host: str) -> Project:
        keep(project, "bin/docker-credential-marked", HELPER % (user, secret), 0o755)
        path = f"{project.environment['HOME']}/bin:{project.environment['PATH']}"
        return configure(credHelpers={"HOST": "marked"})(project, host).with_variables(PATH=path)

    return carry


def state(project: Project, host: str, **login: str) -> Project:
    """Let the workspace say where the login is."""
    source = json.dumps({"registry": {"name": "marked", "host": host, **login}})
    text = (project.root / "envbuild.yaml").read_text()
    return project.write({"envbuild.yaml": f"{text.rstrip().removesuffix(']')}, {source}]\n"})


CARRIERS: dict[str, Carry] = {
    "auth": configure(auths={"HOST": {"auth": AUTH}}),
    "password": configure(auths={"https://HOST/v1/": {"username": USER, "password": PASSWORD}}),
    "identity token": configure(auths={"HOST": {"identitytoken": REFRESH}}),
    "helper": install_helper(USER, PASSWORD),
    "helper with a token": install_helper("<token>", REFRESH),
    "DOCKER_AUTH_CONFIG": lambda project, host: project.with_variables(
        DOCKER_AUTH_CONFIG=json.dumps({"auths": {host: {"auth": AUTH}}})
    ),
    "REGISTRY_AUTH_FILE": lambda project, host: keep(
        project, "auth.json", json.dumps({"auths": {host: {"auth": AUTH}}})
    ).with_variables(REGISTRY_AUTH_FILE=project.environment["HOME"] + "/auth.json"),
    "variables": lambda project, host: state(
        project, host, username_env="MARKED_USER", password_env="MARKED_PASSWORD"
    ).with_variables(MARKED_USER=USER, MARKED_PASSWORD=PASSWORD),
    "login file": lambda project, host: state(
        keep(project, "auth.json", f"{USER}:{PASSWORD}\n"), host, login_file="~/auth.json"
    ),
}


class Talkative:
    """What a gate does first: asks for tokens, and repeats all that it was sent where it refuses."""

    def __init__(self) -> None:
        self.guard = TokenGuard(USER, PASSWORD, REFRESH)
        self.status = 0  # of every answer, to those with a token

    def __call__(self, asked: Asked) -> Answer | None:
        answer = self.guard(asked)
        if answer is None and self.status:
            answer = Answer(self.status)
        if answer is None or answer.status == 200:
            return answer
        said = f"{dict(asked.headers)} {asked.body.decode('latin-1')}"
        body = json.dumps({"errors": [{"code": "DENIED", "message": said, "detail": said}]}).encode()
        return Answer(answer.status, body, answer.headers)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (USER, PASSWORD, REFRESH, *self.guard.given)


@pytest.fixture
def talkative() -> Talkative:
    return Talkative()


@pytest.fixture
def gate(registry: str, talkative: Talkative) -> Iterator[Gate]:
    """A registry that gives tokens to one user."""
    with open_gate(Gate(registry, before=talkative)) as gate:
        yield gate


@pytest.fixture
def locked(project: Project, index: FakeIndex, tmp_path: Path) -> Project:
    index.add(make_package("alpha"))
    # The registry is all tests' own: a file of this test's makes the image another one.
    project.write({"unique": str(tmp_path)})
    project.write({"BUILD.yaml": environment(pip=["alpha"], files={"unique": "/unique"})}).succeed("lock")
    return project


def find_secrets(project: Project, talkative: Talkative, *outcomes: Outcome) -> list[str]:
    secrets = talkative.secrets
    shown = [f"shown: {each}" for each in outcomes if has_secret((each.out + each.err).encode(), secrets)]
    return shown + find_in_folder(project.top, secrets, HOLDERS)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_login_of_a_registry(locked: Project, gate: Gate, talkative: Talkative, carrier: str) -> None:
    known = CARRIERS[carrier](locked, gate.host).with_variables(ENVBUILD_REGISTRY=gate.host)
    outcomes = [
        known.succeed("build", "--push", *TOLD),
        known.succeed("build", "--push", "--output", "json"),
        known.succeed("push", *TOLD),
        known.succeed("info"),
    ]
    rmtree(known.cache / "blobs")
    rmtree(known.cache / "images")
    pulled = ("export", ":app", "--format", "oci-archive", "-o", "../app.tar", *TOLD)
    outcomes.append(known.succeed(*pulled))
    assert "download" in outcomes[-1].err
    assert gate.count("PUT") > 1
    assert talkative.guard.given
    assert find_secrets(known, talkative, *outcomes) == []


@pytest.mark.parametrize("carrier", ["auth", "identity token"])
@pytest.mark.parametrize("status", [401, 403, 500])
def test_registry_that_repeats_what_it_refuses(
    locked: Project, gate: Gate, talkative: Talkative, carrier: str, status: int
) -> None:
    known = CARRIERS[carrier](locked, gate.host).with_variables(ENVBUILD_REGISTRY=gate.host)
    talkative.status = status
    outcome = known.run("build", "--push", *TOLD)
    assert outcome.code == 4
    assert f"the registry answered {status}" in outcome.err
    assert talkative.guard.given
    assert find_secrets(known, talkative, outcome) == []


@pytest.mark.parametrize("carrier", ["auth", "identity token"])
def test_token_server_that_repeats_what_it_refuses(
    locked: Project, gate: Gate, talkative: Talkative, carrier: str
) -> None:
    known = CARRIERS[carrier](locked, gate.host).with_variables(ENVBUILD_REGISTRY=gate.host)
    talkative.guard = TokenGuard("somebody", "else", "another")
    outcome = known.run("build", "--push", *TOLD)
    assert outcome.code == 4
    assert "the token server of" in outcome.err
    assert find_secrets(known, talkative, outcome) == []


@pytest.mark.parametrize(
    "helper", [f"#!/bin/sh\necho {PASSWORD}\n", f"#!/bin/sh\necho {PASSWORD} >&2\nexit 1\n"]
)
def test_helper_that_is_broken(locked: Project, gate: Gate, talkative: Talkative, helper: str) -> None:
    known = CARRIERS["helper"](locked, gate.host).with_variables(ENVBUILD_REGISTRY=gate.host)
    keep(known, "bin/docker-credential-marked", helper, 0o755)
    outcome = known.run("build", "--push", *TOLD)
    assert outcome.code == 4
    assert find_secrets(known, talkative, outcome) == []
