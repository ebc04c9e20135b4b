"""The Docker engine, through its SDK."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from envbuild.core.errors import ServiceError

if TYPE_CHECKING:
    import docker

_ANSWER_SECONDS: Final = 600  # the engine answers when it has unpacked everything
_GLANCE_SECONDS: Final = 2
_DEFAULT: Final = Path("/var/run/docker.sock")  # where engines listen, and the SDK looks


class EngineError(ServiceError):
    """The Docker engine could not be asked, or refused."""


@contextmanager
def open_engine(
    address: str = "", hint: str = "", seconds: int = _ANSWER_SECONDS
) -> Iterator[docker.DockerClient]:
    """A connection to the engine at `address`; by default to the one that the environment names.

    Raises EngineError, also for what goes wrong within the block; `hint` says what needs no engine. Each
    answer may take so many `seconds`.
    """
    import docker
    import requests

    try:
        client = _connect(address, seconds)
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


@contextmanager
def glance_at_engine(address: str = "") -> Iterator[docker.DockerClient | None]:
    """`open_engine` for who can do without one, and so waits for none.

    None where nobody can be listening; raises EngineError where nobody answers.
    """
    if not address and not os.environ.get("DOCKER_HOST") and not _DEFAULT.exists():
        yield None  # without the time that loading the SDK takes
        return
    with open_engine(address, seconds=_GLANCE_SECONDS) as client:
        client.ping()
        client.api.timeout = _ANSWER_SECONDS
        yield client


def load_archive(client: docker.DockerClient, pieces: Iterable[bytes]) -> None:
    """Send a `docker-archive` to an engine; raises what the SDK does."""
    # The SDK's stubs want a file, but its HTTP library streams whatever gives bytes; an empty piece would
    # end the request's body.
    client.images.load(cast("IO[bytes]", (piece for piece in pieces if piece)))


def _connect(address: str, seconds: int) -> docker.DockerClient:
    import docker

    if address:
        return docker.DockerClient(base_url=address, timeout=seconds)
    return docker.from_env(timeout=seconds)
