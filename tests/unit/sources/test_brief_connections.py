"""A registry asked by brief connections: the same answers, errors, requests and pauses as by the pool."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envbuild.core.errors import EnvbuildError
from envbuild.sources.brief_connections import BriefConnections
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.registry import RegistryClient
from tests.makers.base_images import Upstream, make_layer
from tests.makers.gate import Gate, TokenGuard, open_gate
from tests.makers.registry_faults import (
    NO_DIGEST,
    ODD_DIGEST,
    PASSING_FOR_READERS,
    PULLING,
    REFUSALS_FOR_READERS,
    TOKEN,
    WRONG_DIGEST,
    Endpoint,
    Fault,
    Trouble,
    let_in,
)
from tests.makers.servers import PASSWORD, USER

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("no_settings")]

FAULTS = {
    **PASSING_FOR_READERS,
    **REFUSALS_FOR_READERS,
    "wrong digest": WRONG_DIGEST,
    "odd digest": ODD_DIGEST,
    "no digest": NO_DIGEST,
}
PATIENCE = Patience(connect=1, read=0.2, whole=2)


@pytest.fixture(scope="module")
def repository(registry: str) -> str:
    """Where an image is."""
    Upstream(registry, "brief/connections").push(make_layer({"etc/file": "content"}), tag="latest")
    return "brief/connections"


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("endpoint", [PULLING[0], TOKEN], ids=lambda each: each.name)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_it_is_as_by_the_pool(
    registry: str, repository: str, fault: Fault, endpoint: Endpoint, always: bool, tmp_path: Path
) -> None:
    guard = TokenGuard(USER, PASSWORD) if endpoint is TOKEN else let_in
    found = []
    for connections in (None, BriefConnections(PATIENCE.connect, PATIENCE.read)):
        trouble, waits = Trouble(endpoint, fault, always, guard), list[float]()
        http = HttpClient(patience=PATIENCE, wait=waits.append, connections=connections)
        with open_gate(Gate(registry, around=trouble)) as gate:
            login = {"auths": {gate.host: {"username": USER, "password": PASSWORD}}}
            environment = {"HOME": str(tmp_path), "DOCKER_AUTH_CONFIG": json.dumps(login)}
            client = RegistryClient(http, gate.host, DockerCredentials(environment))
            asked = [_ask(client, repository, gate.host) for _ in range(2)]
            http.close()
            requests = [(each.method, each.path) for each in gate.asked]
        found.append((asked, requests, waits))
    assert trouble.hits
    assert found[0] == found[1]


def _ask(client: RegistryClient, repository: str, host: str) -> object:
    try:
        return client.find_manifest(repository, "latest")
    except EnvbuildError as error:
        return type(error), error.message.replace(host, "HOST"), error.hint.replace(host, "HOST")
