"""Handing a target's image to other tools: into the Docker engine, or as an archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import UsageError
from envbuild.core.platform import Platform
from envbuild.core.protocols import BlobStore
from envbuild.graph.analyze import Configured
from envbuild.graph.goal import Goal
from envbuild.oci.image import Image
from envbuild.publish.archive import archive_image, archive_platform
from envbuild.publish.file import write_whole

IMAGE_FORMATS = ("oci-archive", "docker-archive")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One target's image; `obtain` has all its bytes in the store, however it gets them.

    `name` (`repository:tag`) is what the engine calls it.
    """

    target: Configured
    name: str
    obtain: Callable[[Goal], Image]
    store: BlobStore

    def load(self, platform: str | None) -> str:
        """Put the image into the Docker engine; returns its name there."""
        from envbuild.publish.docker import DockerEngine

        engine = DockerEngine()
        image = self.obtain(self.target.goal)
        wanted = Platform.parse(platform) if platform else engine.platform()
        engine.load(archive_platform(image, wanted, self.store, self.name), self.name)
        return self.name

    def archive(self, form: str, path: Path, platform: str | None) -> None:
        """Write the image as one of IMAGE_FORMATS; the file appears whole or not at all."""
        if form == "docker-archive" and not platform and len(self.target.images) > 1:
            listed = " or ".join(f"`--platform {each}`" for each in self.target.images)
            raise UsageError("a docker-archive holds one platform", hint=f"add {listed}")
        image = self.obtain(self.target.goal)
        if platform:
            pieces = archive_platform(image, Platform.parse(platform), self.store, self.name)
        else:
            pieces = archive_image(image, self.store, self.name)
        write_whole(path, pieces)
