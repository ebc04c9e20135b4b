"""Into a Docker engine, through its SDK."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from envbuild.core.platform import Platform
from envbuild.sources.engine import load_archive, open_engine

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_HINT: Final = "; `envbuild export` needs no engine"


class DockerEngine:
    """The engine at `address`; by default the one that the environment names, as for `docker` itself.

    `hint` says what needs no engine.
    """

    def __init__(self, address: str = "", hint: str = _HINT) -> None:
        self._address = address
        self._hint = hint

    def platform(self) -> Platform:
        """What the engine runs; raises EngineError, or SpecError for a platform unknown to us."""
        with open_engine(self._address, self._hint) as client:
            version = client.version()
        architecture = version.get("Arch", "")
        return Platform.parse(f"{version.get('Os')}/{_ARCHITECTURES.get(architecture, architecture)}")

    def find(self, images: Sequence[str]) -> str:
        """The first of these IDs that it has, "" for none: engines call an image by its config or manifest.

        Raises EngineError.
        """
        import docker

        with open_engine(self._address, self._hint) as client:
            for image in images:
                with suppress(docker.errors.ImageNotFound):
                    return str(client.images.get(image).id)
        return ""

    def load(self, archive: Iterable[bytes], name: str) -> str:
        """Load a `docker-archive` that holds the image `name`; returns the image's ID. Raises EngineError."""
        with open_engine(self._address, self._hint) as client:
            load_archive(client, archive)
            return str(client.images.get(name).id)
