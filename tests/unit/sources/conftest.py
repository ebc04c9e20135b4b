from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.sources.http import HttpClient, Patience
from tests.makers.gate import Answer, Gate, open_gate

DATA = bytes(range(256)) * 4096
DIGEST = Digest.of(DATA)


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own proxies and logins."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def server() -> Iterator[Gate]:
    with open_gate(Gate("", before=lambda asked: Answer(200, DATA))) as gate:
        yield gate


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(patience=Patience(pause=0.001))
    yield client
    client.close()
