"""What registries and their token servers answer, and where logins for them are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.digest import Digest
from envbuild.core.errors import RegistryError, SourceError
from envbuild.oci.descriptor import INDEX, MANIFEST
from envbuild.sources.credentials import DockerCredentials, _read_helper
from envbuild.sources.http import HttpClient, Patience, basic_authorization
from envbuild.sources.netrc import Netrc
from envbuild.sources.registry import RegistryClient
from envbuild.sources.url import join_url, parse_url, redact, split_login
from tests.makers.documents import TEXTS, documents, read_or_say, words
from tests.makers.gate import Answer, Gate, open_gate
from tests.makers.mutants import fuzz, mutants

HOST, SECRET = "registry.example:5000", "s3cret"
DIGEST = Digest.of(b"{}")
NAMES = [
    *("Docker-Content-Digest", "Content-Type", "Location", "WWW-Authenticate", "Retry-After"),
    *("Content-Encoding", "Content-Range", "Link", "Docker-Distribution-Api-Version"),
]
VALUES = words(
    *("sha256:", DIGEST.hash, "md5:1", MANIFEST, INDEX, "text/html", "; charset=x", "gzip", "bytes 0-1/2"),
    *("Bearer ", "Basic ", 'realm="', "http://127.0.0.1:1/", "//[", "/v2/", '"', ",", "service=", "9" * 5000),
    most=5,
)
HEADERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)
STATUSES = st.sampled_from([200, 201, 202, 206, 301, 307, 400, 401, 404, 418, 429, 500, 999])
ANSWERS = st.builds(
    Answer, STATUSES, documents({"token": "t", "errors": [{"code": "DENIED", "message": "no"}]}), HEADERS
)
CONFIG = {
    "auths": {
        HOST: {"auth": "cm9iaW46czNjcmV0", "identitytoken": ""},
        "other": {"username": "a", "password": "b"},
    },
    "credHelpers": {"helped.example": "../x"},
}
NETRC = b"machine h.example login robin password s3cret\nmacdef x\n a\n\ndefault login a password b\n"


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    with open_gate(Gate("")) as opened:
        yield opened


@fuzz
@given(answers=st.lists(ANSWERS, min_size=1, max_size=4))
def test_any_answers(answers: list[Answer], gate: Gate) -> None:
    """Whatever comes, an error or what was asked for; and never other bytes than the digest's."""
    pending = iter(answers * 100)
    gate.before = lambda asked: _sendable(next(pending))
    known = DockerCredentials({"DOCKER_AUTH_CONFIG": json.dumps({"auths": {gate.host: {"auth": "YTpi"}}})})
    http = HttpClient(patience=Patience(attempts=1, pause=0))
    client = RegistryClient(http, gate.host, known)
    found = read_or_say(lambda: client.read_manifest("a", str(DIGEST)), RegistryError)
    assert found is None or Digest.of(found[1]) == DIGEST
    read_or_say(lambda: client.find_manifest("a", "latest"), RegistryError)
    read_or_say(lambda: client.has_blob("a", DIGEST), RegistryError)
    http.close()


def _sendable(answer: Answer) -> Answer:
    """The answer as a server can send it: a header is one line of Latin-1."""
    headers = {
        name: value.encode("latin-1", "replace").replace(b"\r", b"").replace(b"\n", b"").decode("latin-1")
        for name, value in answer.headers.items()
    }
    return Answer(answer.status, answer.body, headers)


@fuzz
@given(documents(CONFIG), st.sampled_from([HOST, "other", "helped.example", "docker.io"]))
def test_docker_s_configuration(data: bytes, host: str) -> None:
    text = data.decode("utf-8", "surrogateescape").replace("\0", "")
    found = read_or_say(lambda: DockerCredentials({"DOCKER_AUTH_CONFIG": text}).find(host), RegistryError)
    if found is not None:
        basic_authorization((found.user, found.secret))


@fuzz
@given(documents({"ServerURL": HOST, "Username": "robin", "Secret": SECRET}))
def test_a_credential_helper_s_answer(data: bytes) -> None:
    found = read_or_say(lambda: _read_helper(data, "docker-credential-x", "host"), RegistryError)
    assert found is None or found.secret


@fuzz
@given(data=mutants(NETRC))
def test_a_netrc_file(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "netrc"
    path.write_bytes(data)
    before = os.environ.get("NETRC")
    os.environ["NETRC"] = str(path)
    try:
        read_or_say(lambda: Netrc().find("h.example"), SourceError)
    finally:
        os.environ.pop("NETRC")
        os.environ.update({"NETRC": before} if before else {})


URLS = words(
    *("http", "https", "ftp", "://", "robin:", SECRET, "@", "h.example", ":", "99999"),
    *("/", "?a=", "#", "[", "]", "%00"),
)


@fuzz
@given(URLS | TEXTS, URLS | TEXTS)
def test_urls(url: str, target: str) -> None:
    parsed = read_or_say(lambda: parse_url(url), SourceError)
    if parsed is not None:
        bare, login = split_login(url)
        assert "@" not in parse_url(bare).netloc
        assert login is None or login[1] not in redact(url) or login[1] in redact(bare)
    assert len(redact(url)) < 1100
    read_or_say(lambda: join_url("https://h.example/a", target), SourceError)
