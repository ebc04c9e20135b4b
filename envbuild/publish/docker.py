"""Into a Docker engine, through its SDK."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

from envbuild.core.errors import ServiceError
from envbuild.core.platform import Platform

if TYPE_CHECKING:
    import docker

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_LOAD_SECONDS: Final = 600  # the engine answers when it has unpacked everything


class EngineError(ServiceError):
    """The Docker engine could not be asked, or refused."""


class DockerEngine:
    """The engine at `address`; by default the one that the environment names, as for `docker` itself."""

    def __init__(self, address: str = "") -> None:
        self._address = address

    def platform(self) -> Platform:
        """What the engine runs; raises EngineError, or SpecError for a platform unknown to us."""
        with self._client() as client:
            version = client.version()
        architecture = version.get("Arch", "")
        return Platform.parse(f"{version.get('Os')}/{_ARCHITECTURES.get(architecture, architecture)}")

    def load(self, archive: Iterable[bytes], name: str) -> str:
        """Load a `docker-archive` that holds the image `name`; returns the image's ID. Raises EngineError."""
        with self._client() as client:
            # The SDK's stubs want a file, but its HTTP library streams whatever gives bytes.
            client.images.load(cast("IO[bytes]", _stream(archive)))
            return str(client.images.get(name).id)

    @contextmanager
    def _client(self) -> Iterator[docker.DockerClient]:
        import docker
        import requests

        try:
            client = _connect(self._address)
            try:
                yield client
            finally:
                client.close()
        except docker.errors.APIError as error:
            raise EngineError(f"the Docker engine refused: {error.explanation or error}") from error
        except docker.errors.ImageLoadError as error:
            raise EngineError(f"the Docker engine refused the image: {error}") from error
        except (docker.errors.DockerException, requests.RequestException) as error:
            hint = "start it, or say in `DOCKER_HOST` where it listens; `envbuild export` needs no engine"
            raise EngineError("no Docker engine answers", hint=hint) from error


def _connect(address: str) -> docker.DockerClient:
    import docker

    if address:
        return docker.DockerClient(base_url=address, timeout=_LOAD_SECONDS)
    return docker.from_env(timeout=_LOAD_SECONDS)


def _stream(archive: Iterable[bytes]) -> Iterator[bytes]:
    """The archive's pieces, none of them empty: an empty chunk would end the request's body."""
    return (piece for piece in archive if piece)
