from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from envbuild.core.errors import RegistryError
from envbuild.sources.credentials import DockerCredentials, RegistryLogin

HOST = "registry.test:5000"
AUTH = base64.b64encode(b"robin:pa:ss").decode()
LOGIN = RegistryLogin("robin", "pa:ss")  # only the first colon separates


def inline(config: object) -> DockerCredentials:
    return DockerCredentials({"DOCKER_AUTH_CONFIG": json.dumps(config)})


def write(path: Path, config: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        (HOST, {"auth": AUTH}),
        (f"https://{HOST}", {"auth": AUTH}),  # as older programs wrote it
        (f"http://{HOST}/v1/", {"auth": AUTH}),
        (HOST, {"username": "robin", "password": "pa:ss"}),
    ],
)
def test_entries_are_found_by_host(key: str, entry: object) -> None:
    assert inline({"auths": {key: entry}}).find(HOST) == LOGIN


def test_an_identity_token_has_no_user() -> None:
    assert inline({"auths": {HOST: {"identitytoken": "t"}}}).find(HOST) == RegistryLogin("", "t")


@pytest.mark.parametrize(
    "config", [{}, {"auths": None}, {"auths": {HOST: {}}}, {"auths": {"other.test": {"auth": AUTH}}}]
)
def test_who_is_not_there_is_anonymous(config: object) -> None:
    assert inline(config).find(HOST) is None


def test_docker_hub_goes_by_its_old_name() -> None:
    assert inline({"auths": {"https://index.docker.io/v1/": {"auth": AUTH}}}).find("docker.io") == LOGIN


def test_the_first_file_that_knows_the_host_counts(tmp_path: Path) -> None:
    empty: object = {"auths": {}}
    known: object = {"auths": {HOST: {"auth": AUTH}}}
    write(tmp_path / "home/.docker/config.json", known)
    write(tmp_path / "run/containers/auth.json", {"auths": {HOST: {"identitytoken": "late"}}})
    environment = {
        "DOCKER_AUTH_CONFIG": json.dumps(empty),
        "REGISTRY_AUTH_FILE": str(write(tmp_path / "auth.json", empty)),
        "HOME": str(tmp_path / "home"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }
    assert DockerCredentials(environment).find(HOST) == LOGIN
    # A folder that DOCKER_CONFIG names stands in for the one at home.
    elsewhere = {**environment, "DOCKER_CONFIG": str(tmp_path / "none")}
    assert DockerCredentials(elsewhere).find(HOST) == RegistryLogin("", "late")


@pytest.mark.parametrize("text", ["{", "[]", "null", "[" * 100_000, '{"auths": {"\\ud800": 1}}'])
def test_a_broken_file_is_an_error_that_quotes_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(RegistryError, match="no JSON object"):
        DockerCredentials({"DOCKER_CONFIG": str(tmp_path)}).find(HOST)


@pytest.mark.parametrize(
    "auth", ["???", "é", base64.b64encode(b"no-colon").decode(), base64.b64encode(b"\xff:a").decode()]
)
def test_a_broken_auth_is_an_error_that_quotes_nothing(auth: str) -> None:
    with pytest.raises(RegistryError) as caught:
        inline({"auths": {HOST: {"auth": auth}}}).find(HOST)
    assert auth not in str(caught.value)
    assert "docker login" in caught.value.hint


def test_secrets_are_not_shown() -> None:
    assert "pa:ss" not in repr(LOGIN)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential helper on the PATH that knows one host, as Docker's protocol has it."""
    path = tmp_path / "bin" / "docker-credential-tests"
    path.parent.mkdir()
    path.write_text(
        "#!/bin/sh\n"
        'test "$1" = get || exit 2\n'
        "read -r host\n"
        f'test "$host" = {HOST} || {{ echo credentials not found in native keychain; exit 1; }}\n'
        f"cat {tmp_path}/answer\n"
    )
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return tmp_path / "answer"


@pytest.mark.parametrize("config", [{"credsStore": "tests"}, {"credHelpers": {HOST: "tests"}}])
def test_helpers_are_asked(config: object, helper: Path) -> None:
    helper.write_text(json.dumps({"ServerURL": HOST, "Username": "robin", "Secret": "pa:ss"}))
    assert inline(config).find(HOST) == LOGIN
    assert inline({"credsStore": "tests"}).find("other.test") is None


def test_a_helper_may_give_an_identity_token(helper: Path) -> None:
    helper.write_text(json.dumps({"Username": "<token>", "Secret": "t"}))
    assert inline({"credsStore": "tests"}).find(HOST) == RegistryLogin("", "t")


@pytest.mark.parametrize("answer", ["", "[]", "{}", "no", "[" * 100_000])
def test_a_helper_that_answers_nonsense_is_an_error(answer: str, helper: Path) -> None:
    helper.write_text(answer)
    with pytest.raises(RegistryError, match="answered no login"):
        inline({"credsStore": "tests"}).find(HOST)


@pytest.mark.parametrize(
    ("name", "message"), [("../evil", "no credential helper's name"), ("none", "not on the PATH")]
)
def test_a_helper_that_cannot_be_run_is_an_error(name: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        inline({"credsStore": name}).find(HOST)
