"""Logins that are where a workspace says."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from envbuild.core.errors import RegistryError
from envbuild.sources.credentials import RegistryLogin
from envbuild.sources.stated_login import FileCredentials, VariableCredentials

HOST = "registry.test:5000"
AUTH = base64.b64encode(b"robin:pa:ss").decode()


def written(tmp_path: Path, text: str) -> FileCredentials:
    path = tmp_path / "login"
    path.write_text(text)
    return FileCredentials(path)


@pytest.mark.parametrize(
    "text",
    [
        "robin:pa:ss",  # only the first colon separates
        "robin:pa:ss\n",
        json.dumps({"auths": {HOST: {"auth": AUTH}}}),
        "\n" + json.dumps({"auths": {f"https://{HOST}/v1/": {"username": "robin", "password": "pa:ss"}}}),
    ],
)
def test_a_file_with_a_login(tmp_path: Path, text: str) -> None:
    assert written(tmp_path, text).find(HOST) == RegistryLogin("robin", "pa:ss")


@pytest.mark.parametrize(
    "text",
    ["", "\n", "robin", "robin:", ":secret-7f3a", "robin:secret-7f3a\nmore\n", "{}", '{"auths": {"x": {}}}'],
)
def test_a_file_without_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(RegistryError) as caught:
        written(tmp_path, text).find(HOST)
    assert caught.value.message == f"`{tmp_path / 'login'}` has no login for `{HOST}`"
    assert "7f3a" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['{"auths": secret-7f3a', '{"auths": {"registry.test:5000": {"auth": "7f3a"}}}']
)
def test_a_broken_file_is_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(RegistryError) as caught:
        written(tmp_path, text).find(HOST)
    assert "7f3a" not in str(caught.value)
    assert str(tmp_path) in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="cannot be read"):
        FileCredentials(tmp_path / "gone").find(HOST)


def test_variables_are_read_when_they_are_needed() -> None:
    environment: dict[str, str] = {}
    credentials = VariableCredentials("CORP_USER", "CORP_PASSWORD", environment)
    with pytest.raises(RegistryError, match="in `CORP_USER` and `CORP_PASSWORD`, which"):
        credentials.find(HOST)
    environment |= {"CORP_USER": "robin", "CORP_PASSWORD": ""}
    with pytest.raises(RegistryError, match="in `CORP_PASSWORD`, which"):
        credentials.find(HOST)
    environment["CORP_PASSWORD"] = "pa:ss"
    assert credentials.find(HOST) == RegistryLogin("robin", "pa:ss")
