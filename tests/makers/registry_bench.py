"""A registry that misbehaves at one place, and the one image that goes there or comes from there.

Nothing waits between tries: what would be waited is written down.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from envbuild.core.errors import ExitCode, RegistryError
from envbuild.core.events import Silent
from envbuild.oci.descriptor import Descriptor
from envbuild.oci.image import Image
from envbuild.oci.reference import RegistryName
from envbuild.publish.registry import RegistryPublisher
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.registry import RegistryClient
from envbuild.store.disk import DiskStore
from tests.makers.gate import Before, Gate
from tests.makers.registry_content import read_tag
from tests.makers.registry_faults import RETRY_AFTER, Endpoint, Fault, Trouble, let_in
from tests.makers.servers import PASSWORD, USER

HASH = "0" * 32
PATIENCE: Final = Patience()
# Long enough for a busy machine to answer at one of three tries.
IMPATIENT: Final = Patience(read=0.4)


def at_each(*endpoints: Endpoint) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "endpoint", endpoints, ids=lambda endpoint: endpoint.name.replace(" ", "-")
    )


def silence(fault: str) -> Patience:
    """The patience for a fault: silent servers are not waited for as long as usual."""
    return IMPATIENT if "silent" in fault else PATIENCE


def logins(host: str, **entry: str) -> DockerCredentials:
    entry = entry or {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
    return DockerCredentials({"DOCKER_AUTH_CONFIG": json.dumps({"auths": {host: entry}})})


@dataclass
class Bench:
    """A registry behind a gate, and an image for it; each test has a place of its own there."""

    gate: Gate
    store: DiskStore
    image: Image
    waits: list[float] = field(default_factory=list)
    place: str = ""
    patience: Patience = PATIENCE
    jobs: int = 1  # what is asked how often is then the same each time
    credentials: DockerCredentials = field(default_factory=lambda: DockerCredentials({}))

    def publisher(self, store: DiskStore) -> RegistryPublisher:
        http = HttpClient(patience=self.patience, wait=self.waits.append)
        client = RegistryClient(http, self.gate.host, self.credentials)
        below = RegistryName(self.gate.host, self.place)
        return RegistryPublisher(client, store, Silent(), below=below, jobs=self.jobs)

    def make(self, endpoint: Endpoint, fault: Fault, *, always: bool, guard: Before = let_in) -> Trouble:
        """Let the registry misbehave; a guard stands between it and the fault."""
        self.gate.around = trouble = Trouble(endpoint, fault, always, guard)
        return trouble

    def publish(self) -> None:
        """Publish, which must succeed: the image, the whole image, and under the right name."""
        pushed = self.publisher(self.store).publish(HASH, self.image)
        assert str(pushed.digest) == self.standing() == str(self.image.digest)

    def refuse(self, work: Callable[[], object]) -> RegistryError:
        """What `work` fails with: a clear error, whatever it was."""
        with pytest.raises(RegistryError) as caught:
            work()
        error = caught.value
        assert error.exit_code == ExitCode.SERVICE
        assert self.gate.host in error.message or self.place in error.message
        assert error.hint
        return error

    def standing(self) -> str | None:
        """What the tag names in the registry itself; all below it was read and is right."""
        return read_tag(self.gate.upstream, f"{self.place}/envs/env_{HASH}")

    def pull(self, folder: Path) -> None:
        """Pull into an empty store, which must succeed: all bytes are those that were published."""
        store = DiskStore(folder)
        assert self.publisher(store).pull(HASH).digest == self.image.digest
        assert all(store.read(part.digest) == self.store.read(part.digest) for part in self._parts)

    def refuse_pull(self, folder: Path) -> RegistryError:
        """What pulling fails with; it leaves nothing that is wrong, and nothing half-written."""
        store = DiskStore(folder)
        error = self.refuse(lambda: self.publisher(store).pull(HASH))
        assert all(
            store.read(part.digest) == self.store.read(part.digest)
            for part in self._parts
            if store.has(part.digest)
        )
        assert list(store.temporary.glob("*")) == []
        return error

    def check_tries(self, trouble: Trouble, fault: str = "") -> None:
        """It was tried as often as we are patient; each pause was longer, or what the registry asked for."""
        # A blob whose sending a busy machine gave up too early is looked for once more.
        again = self.patience is IMPATIENT and trouble.endpoint.method == "HEAD"
        assert trouble.hits == PATIENCE.attempts or (again and trouble.hits == 2 * PATIENCE.attempts)
        grown = [PATIENCE.pause, 2 * PATIENCE.pause]
        assert self.waits[-2:] == ([RETRY_AFTER] * 2 if fault in ("429", "503 with Retry-After") else grown)

    @property
    def _parts(self) -> list[Descriptor]:
        return [*self.image.documents, *self.image.blobs]
