"""The registries that images come from: those that the workspace gave an alias, and any other by its host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.errors import RegistryError, SourceError
from envbuild.core.protocols import BlobWriter
from envbuild.lock.base_image import DIRECT
from envbuild.lock.model import Locked
from envbuild.oci.reference import ImageName, Reference, RegistryName
from envbuild.sources.http import HttpClient
from envbuild.sources.registry import RegistryClient, RegistryStatusError
from envbuild.sources.registry_access import RegistryAccess

_GONE: Final = 404


@dataclass(frozen=True, slots=True)
class Registries:
    """Clients by host, each made once; `connect` makes one. Safe for several threads."""

    connect: Callable[[str], RegistryClient]
    aliases: Mapping[str, RegistryName]
    _clients: dict[str, RegistryClient] = field(default_factory=dict)

    def client(self, host: str) -> RegistryClient:
        """The client that speaks to a host."""
        return self._clients.get(host) or self._clients.setdefault(host, self.connect(host))

    def locate(self, name: ImageName) -> Reference:
        """Where an image lies; raises SourceError for an unknown alias."""
        return self._place(name.alias, name.host, name.repository, name.reference)

    def locate_layer(self, layer: Locked) -> Reference:
        """Where a locked layer lies: its repository, and the digest as the tag."""
        host, _, path = layer.file.removeprefix(DIRECT).partition("/")
        repository = layer.file if layer.source else path
        return self._place(layer.source, host, repository, str(Digest(layer.sha256, layer.size)))

    def fetch(self, layer: Locked, writer: BlobWriter, progress: Callable[[int], None] | None = None) -> None:
        """Write a layer's bytes, verified; raises RegistryError or SourceError."""
        place = self.locate_layer(layer)
        digest = Digest(layer.sha256, layer.size)
        try:
            self.client(place.host).download_blob(place.repository, digest, writer, progress)
        except RegistryStatusError as error:
            if error.status != _GONE:
                raise
            raise RegistryError(
                f"`{place.host}/{place.repository}` no longer has `{digest}`",
                hint="if its tag names another image by now: `envbuild lock --upgrade-package IMAGE`",
            ) from error

    def _place(self, alias: str, host: str, repository: str, tag: str) -> Reference:
        if not alias:
            return Reference(host, repository, tag)
        if alias not in self.aliases:
            known = ", ".join(f"`{each}`" for each in sorted(self.aliases)) or "none"
            raise SourceError(
                f"the workspace has no registry `{alias}`",
                hint=f"it has {known}: add `- registry: {{name: {alias}, host: ...}}` to `sources`",
            )
        return self.aliases[alias].place(repository, tag)


def open_registries(access: RegistryAccess, http: HttpClient) -> Registries:
    """The registries of a workspace, asked by `http`."""
    aliases = {alias: RegistryName.parse(place) for alias, place in access.aliases.items()}
    return Registries(partial(access.connect, http), aliases)


def locked_file(name: ImageName) -> tuple[str, str]:
    """The `source` and `file` of a locked layer of an image."""
    return (name.alias, name.repository) if name.alias else ("", f"{DIRECT}{name.host}/{name.repository}")
