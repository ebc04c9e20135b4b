"""What locking asks of registries, asked without a command line: a store, and a repository of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError, RegistryError, ResolveError, SourceError
from envbuild.core.platform import Platform
from envbuild.lock.base_image import BaseImage
from envbuild.lock.model import Download, ImageQuestion, Locked, PlatformLock
from envbuild.lock.registries import Registries
from envbuild.lock.resolve.images import resolve_images
from envbuild.oci.reference import RegistryName
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.registry import RegistryClient
from envbuild.store.disk import DiskStore
from tests.makers.base_images import Upstream
from tests.makers.targets import AMD64


@dataclass
class Desk:
    """A store, the registries, and a repository of others in one of them."""

    upstream: Upstream
    store: DiskStore
    aliases: dict[str, RegistryName] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    @property
    def registries(self) -> Registries:
        http = HttpClient(patience=Patience(attempts=1))
        return Registries(lambda host: RegistryClient(http, host, DockerCredentials({})), self.aliases)

    def fetch(self, artifact: Locked) -> Path:
        digest = Digest(artifact.sha256, artifact.size)
        if not self.store.has(digest):
            self.fetched.append(artifact.name)
            with self.store.writer() as writer:
                self.registries.fetch(artifact, writer)
        return self.store.path(digest)

    def keep(self, download: Download) -> Digest:
        return self.store.put(download.url.encode())  # of a web that has the URL at each URL

    def answer(self, *references: str, **more: Any) -> PlatformLock:
        question = ImageQuestion(references, more.pop("platform", AMD64), **more)
        return resolve_images(question, self.registries, self.fetch, self.keep)

    def resolve(self, tag: str = ":1", platform: Platform = AMD64) -> BaseImage:
        reference = f"{self.upstream.host}/{self.upstream.repository}{tag}"
        return self.answer(reference, platform=platform).images[reference]

    def fail(self, tag: str = ":1", platform: Platform = AMD64) -> EnvbuildError:
        with pytest.raises((ResolveError, RegistryError, SourceError)) as caught:
            self.resolve(tag, platform)
        return caught.value
