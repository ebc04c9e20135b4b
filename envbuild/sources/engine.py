"""The Docker engine, through its SDK."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

from envbuild.core.errors import ServiceError

if TYPE_CHECKING:
    import docker

_ANSWER_SECONDS: Final = 600  # the engine answers when it has unpacked everything


class EngineError(ServiceError):
    """The Docker engine could not be asked, or refused."""


@contextmanager
def open_engine(address: str = "", hint: str = "") -> Iterator[docker.DockerClient]:
    """A connection to the engine at `address`; by default to the one that the environment names.

    Raises EngineError, also for what goes wrong within the block; `hint` says what needs no engine.
    """
    import docker
    import requests

    try:
        client = _connect(address)
        try:
            yield client
        finally:
            client.close()
    except docker.errors.APIError as error:
        raise EngineError(f"the Docker engine refused: {error.explanation or error}") from error
    except docker.errors.ImageLoadError as error:
        raise EngineError(f"the Docker engine refused the image: {error}") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise EngineError(
            "no Docker engine answers", hint=f"start it, or say in `DOCKER_HOST` where it listens{hint}"
        ) from error


def load_archive(client: docker.DockerClient, pieces: Iterable[bytes]) -> None:
    """Send a `docker-archive` to an engine; raises what the SDK does."""
    # The SDK's stubs want a file, but its HTTP library streams whatever gives bytes; an empty piece would
    # end the request's body.
    client.images.load(cast("IO[bytes]", (piece for piece in pieces if piece)))


def _connect(address: str) -> docker.DockerClient:
    import docker

    if address:
        return docker.DockerClient(base_url=address, timeout=_ANSWER_SECONDS)
    return docker.from_env(timeout=_ANSWER_SECONDS)
