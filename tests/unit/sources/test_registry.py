"""The registry client's ways in: anonymous, basic, bearer; Debian's registry behind each."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import RegistryError
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.registry import RegistryClient, RegistryStatusError
from envbuild.store.disk import DiskStore
from tests.makers.gate import Answer, Asked, Break, Gate, TokenGuard, open_gate
from tests.makers.servers import PASSWORD, USER

pytestmark = pytest.mark.services

DATA = b"some layer" * 1000
DIGEST = Digest.of(DATA)
REFRESH = "a-refresh-token"


@pytest.fixture
def repository() -> str:
    return f"t{uuid4().hex}/a"


@pytest.fixture
def gate(registry: str) -> Iterator[Gate]:
    with open_gate(Gate(registry)) as gate:
        yield gate


def credentials(host: str, user: str = USER, password: str = PASSWORD, **entry: str) -> DockerCredentials:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    config = {"auths": {host: entry or {"auth": auth}}}
    return DockerCredentials({"DOCKER_AUTH_CONFIG": json.dumps(config)})


def client(host: str, known: DockerCredentials | None = None) -> RegistryClient:
    return RegistryClient(HttpClient(patience=Patience(pause=0.001)), host, known or DockerCredentials({}))


def send(to: RegistryClient, repository: str, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        to.upload_blob(repository, DIGEST, file)


def round_trip(registry: RegistryClient, repository: str, tmp_path: Path) -> bytes:
    send(registry, repository, tmp_path)
    store = DiskStore(tmp_path / "store")
    with store.writer() as writer:
        registry.download_blob(repository, DIGEST, writer)
    return store.read(DIGEST)


def test_an_open_registry_is_asked_without_login(registry: str, repository: str, tmp_path: Path) -> None:
    assert not client(registry).has_blob(repository, DIGEST)
    assert round_trip(client(registry), repository, tmp_path) == DATA
    assert client(registry).has_blob(repository, DIGEST)


def test_basic_authorization(private_registry: str, repository: str, tmp_path: Path) -> None:
    assert round_trip(client(private_registry, credentials(private_registry)), repository, tmp_path) == DATA


def test_without_login_a_private_registry_says_how_to_log_in(private_registry: str, repository: str) -> None:
    with pytest.raises(RegistryStatusError) as caught:
        client(private_registry).find_manifest(repository, "latest")
    assert caught.value.status == 401
    assert f"docker login {private_registry}" in caught.value.hint


def test_a_wrong_password_is_asked_about_once(private_registry: str, repository: str) -> None:
    with open_gate(Gate(private_registry)) as gate:
        wrong = client(gate.host, credentials(gate.host, password="wrong"))
        with pytest.raises(RegistryStatusError) as caught:
            wrong.find_manifest(repository, "latest")
        assert "wrong" not in str(caught.value)
        assert gate.count("GET") == 2


def test_bearer_tokens(gate: Gate, repository: str, tmp_path: Path) -> None:
    gate.before = TokenGuard(USER, PASSWORD)
    assert round_trip(client(gate.host, credentials(gate.host)), repository, tmp_path) == DATA


def test_a_token_for_mounting_covers_both_repositories(gate: Gate, repository: str, tmp_path: Path) -> None:
    gate.before = TokenGuard(USER, PASSWORD)
    one = client(gate.host, credentials(gate.host))
    send(one, repository, tmp_path)
    assert one.mount_blob(f"{repository}b", DIGEST, repository).done
    asked = next(asked for asked in reversed(gate.asked) if asked.path == "/token")
    scopes = {value for key, value in asked.query if key == "scope"}
    assert scopes == {f"repository:{repository}b:pull,push", f"repository:{repository}:pull"}


def test_a_token_that_ran_out_is_replaced(gate: Gate, repository: str, tmp_path: Path) -> None:
    guard = TokenGuard(USER, PASSWORD)
    gate.before = guard
    one = client(gate.host, credentials(gate.host))
    send(one, repository, tmp_path)
    guard.valid += 1
    send(one, repository, tmp_path)
    assert one.has_blob(repository, DIGEST)


def test_a_token_is_asked_for_once(gate: Gate, repository: str) -> None:
    gate.before = TokenGuard(USER, PASSWORD)
    one = client(gate.host, credentials(gate.host))
    for _ in range(5):
        one.has_blob(repository, DIGEST)
    assert gate.count("GET", "/token") == 1


def test_an_identity_token_is_exchanged(gate: Gate, repository: str) -> None:
    gate.before = TokenGuard(USER, PASSWORD, REFRESH)
    known = credentials(gate.host, identitytoken=REFRESH)
    assert not client(gate.host, known).has_blob(repository, DIGEST)
    assert gate.count("POST", "/token") == 1


def test_a_token_server_that_refuses_is_an_error_with_advice(gate: Gate, repository: str) -> None:
    gate.before = TokenGuard(USER, PASSWORD)
    with pytest.raises(RegistryError, match=r"token server .* answered 401") as caught:
        client(gate.host, credentials(gate.host, password="wrong")).has_blob(repository, DIGEST)
    assert "docker login" in caught.value.hint


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\nb"}', b"[" * 100_000]
)
def test_a_token_server_that_gives_no_token_is_an_error(answer: bytes, gate: Gate, repository: str) -> None:
    """The last one would end the header it stands in."""
    guard = TokenGuard(USER, PASSWORD)
    gate.before = lambda asked: Answer(200, answer) if asked.path == "/token" else guard(asked)
    with pytest.raises(RegistryError, match="answered no token"):
        client(gate.host, credentials(gate.host)).has_blob(repository, DIGEST)


def test_storage_of_another_host_gets_no_login(
    private_registry: str, registry: str, repository: str, tmp_path: Path
) -> None:
    """Registries hand downloads and uploads over to storage hosts."""
    send(client(registry), repository, tmp_path)
    with open_gate(Gate(registry)) as storage, open_gate(Gate(private_registry)) as front:
        known = credentials(front.host)
        send(client(front.host, known), repository, tmp_path)

        def hand_over(asked: Asked, answer: Answer) -> Answer:
            if asked.method == "GET" and answer.status == 200:
                return Answer(307, b"", {"Location": f"http://{storage.host}{asked.target}"})
            return answer

        front.after = hand_over
        store = DiskStore(tmp_path / "store")
        with store.writer() as writer:
            client(front.host, known).download_blob(repository, DIGEST, writer)
        assert store.has(DIGEST)
        assert storage.count("GET") == 1
        assert "authorization" not in storage.asked[0].headers


def test_uploads_elsewhere_get_no_login(registry: str, repository: str, tmp_path: Path) -> None:
    guard = TokenGuard(USER, PASSWORD)
    with open_gate(Gate(registry)) as storage, open_gate(Gate(registry)) as front:
        front.before = guard

        def hand_over(asked: Asked, answer: Answer) -> Answer:
            location = answer.headers.get("Location", "").replace(front.host, storage.host)
            return Answer(answer.status, answer.body, {**answer.headers, "Location": location})

        front.after = hand_over
        send(client(front.host, credentials(front.host)), repository, tmp_path)
        (put,) = (asked for asked in storage.asked if asked.method == "PUT")
        assert "authorization" not in put.headers
    assert client(registry).has_blob(repository, DIGEST)


def test_storage_that_asks_for_a_login_gets_none(gate: Gate, repository: str) -> None:
    """Only the registry itself may say where its logins and tokens come from."""
    guard = TokenGuard(USER, PASSWORD)
    with open_gate(Gate("", before=guard)) as storage:
        gate.before = lambda asked: Answer(307, b"", {"Location": f"http://{storage.host}{asked.target}"})
        with pytest.raises(RegistryStatusError, match="answered 401"):
            client(gate.host, credentials(gate.host)).find_manifest(repository, "latest")
        assert [asked.path for asked in storage.asked] == [f"/v2/{repository}/manifests/latest"]
        assert "authorization" not in storage.asked[0].headers
        assert len(gate.asked) == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}', ": `MANIFEST_BLOB_UNKNOWN`"),
        # Nothing else that a server says is shown: it may hold anything.
        (b'{"errors": [{"code": "secret of robin"}]}', ""),
        (b'{"errors": [{"code": 7}]}', ""),
        (b'{"errors": []}', ""),
        (b'{"errors": "', ""),
        (b"[" * 70000, ""),
    ],
)
def test_a_registry_may_say_why(body: bytes, shown: str, gate: Gate, repository: str) -> None:
    gate.before = lambda asked: Answer(400, body)
    with pytest.raises(RegistryStatusError) as caught:
        client(gate.host).find_manifest(repository, "latest")
    assert caught.value.message.endswith(f"the registry answered 400 (bad request){shown}")


def test_a_token_server_without_a_name_is_an_error(gate: Gate, repository: str) -> None:
    gate.before = lambda asked: Answer(401, b"", {"WWW-Authenticate": 'Bearer service="x"'})
    with pytest.raises(RegistryError, match="names no server that gives one"):
        client(gate.host).has_blob(repository, DIGEST)


def test_a_blob_that_is_there_after_a_lost_answer_is_not_sent_again(
    gate: Gate, repository: str, tmp_path: Path
) -> None:
    def lose(asked: Asked, answer: Answer) -> Answer:
        return replace(answer, broken=Break()) if asked.method == "PUT" else answer

    gate.after = lose
    send(client(gate.host), repository, tmp_path)
    assert gate.count("PUT") == 1


def test_a_registry_without_the_digest_header_is_read(gate: Gate, repository: str) -> None:
    """The header is optional: the manifest's own bytes tell."""
    manifest = b'{"schemaVersion":2}'
    media_type = "application/vnd.oci.image.manifest.v1+json"
    gate.before = lambda asked: Answer(200, manifest, {"Content-Type": media_type})
    found = client(gate.host).find_manifest(repository, "latest")
    assert found
    assert (found[0].digest, found[1]) == (Digest.of(manifest), manifest)


def test_a_digest_of_another_kind_is_refused(gate: Gate, repository: str) -> None:
    gate.before = lambda asked: Answer(200, b"", {"Docker-Content-Digest": "md5:1", "Content-Length": "0"})
    with pytest.raises(RegistryError, match="no sha256 digest"):
        client(gate.host).find_manifest(repository, "latest")


def test_endless_manifests_are_refused(gate: Gate, repository: str) -> None:
    gate.before = lambda asked: Answer(200, bytes(5 << 20))
    with pytest.raises(RegistryError, match="more than"):
        client(gate.host).read_manifest(repository, "latest")


def test_an_upload_begun_nowhere_is_an_error(gate: Gate, repository: str, tmp_path: Path) -> None:
    gate.before = lambda asked: Answer(202)
    with pytest.raises(RegistryError, match="where to upload"):
        send(client(gate.host), repository, tmp_path)


def test_a_cancelled_upload_is_forgotten(registry: str, repository: str) -> None:
    with open_gate(Gate(registry)) as gate:
        one = client(gate.host)
        session = one.mount_blob(repository, DIGEST, f"{repository}b").session
        assert session
        one.cancel_upload(repository, session)
        with HttpClient().get(session.url) as response:
            assert response.status == 404


def test_other_hosts_are_asked_by_tls_only() -> None:
    """Nothing listens there: what counts is the scheme in the message."""
    with pytest.raises(RegistryError, match=r"https://registry\.invalid/"):
        client("registry.invalid").has_blob("a", DIGEST)
    plain = RegistryClient(
        HttpClient(patience=Patience(pause=0.001)),
        "registry.invalid:5000",
        DockerCredentials({}),
        plain_http=True,
    )
    with pytest.raises(RegistryError, match=r"http://registry\.invalid:5000/"):
        plain.has_blob("a", DIGEST)
