"""Where a workspace's artifacts come from: its sources, reached when something is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from envbuild.core.events import EventSink
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.core.protocols import BlobStore
from envbuild.execution import DOWNLOADS
from envbuild.graph.project import Project
from envbuild.importing import IMPORTING
from envbuild.lock.base_image import LAYER_TYPES
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.model import DebianQuestion, Locked, split_question
from envbuild.oci.reference import Reference, RegistryName
from envbuild.sources.patience import HASTY, Patience
from envbuild.spec.sources import CHANNEL, DEBIAN, INDEX, REGISTRY, Login

# Each is imported when it is asked for: a build in which everything is there waits for none of them.
if TYPE_CHECKING:
    from envbuild.build.fetch import Fetcher, Owner
    from envbuild.lock.registries import Registries
    from envbuild.sources.channel import Channels
    from envbuild.sources.debian import DebianSource, Suite
    from envbuild.sources.http import HttpClient
    from envbuild.sources.index import PackageIndexes
    from envbuild.sources.registry_access import RegistryAccess

T = TypeVar("T")


class once(cached_property[T]):  # noqa: N801 (a decorator)
    """A property that is made once, whichever threads ask first: Python sees to that before 3.12 only."""

    def __get__(self, instance: object, owner: type[Any] | None = None) -> T:  # type: ignore[override]
        """What was made."""
        with IMPORTING:  # to make it, others are imported
            return super().__get__(instance, owner)


class Supply:
    """The sources of one workspace; what is fetched goes to `store`, what they tell is kept below `cache`."""

    def __init__(
        self, project: Project, store: BlobStore, cache: Path, sink: EventSink, patience: Patience
    ) -> None:
        self._project = project
        self._store = store
        self._cache = cache
        self._sink = sink
        self._patience = patience

    def fetch(self, artifact: Locked) -> None:
        """Download and keep an artifact; raises SourceError or RegistryError, with nothing kept."""
        self._load(artifact)
        self.fetcher.fetch(artifact)

    def _load(self, artifact: Locked) -> None:
        """Import and make all that fetching an artifact takes: a fetch begins with dozens of threads."""
        with IMPORTING:
            from envbuild.sources.connections import load_client

            load_client()
            if artifact.kind == "deb":
                _ = self.mirrors
            elif artifact.kind in LAYER_TYPES:
                from envbuild.sources import credentials, stated_login  # noqa: F401 (what reaches them takes)

                _ = self.registries
            elif artifact.kind == CONDA:
                _ = self.channels
            elif artifact.source:
                self.indexes.url(artifact.source)  # this machine's own may have to be looked up
            _ = self.fetcher

    def locate_layer(self, layer: Locked) -> Reference:
        """Where the layer of an image of a registry lies."""
        return self.registries.locate_layer(layer)

    @once
    def http(self) -> HttpClient:
        """The client of every source and registry."""
        from envbuild.sources.http import HttpClient

        return HttpClient(pool_size=DOWNLOADS, patience=self._patience)

    @once
    def fetcher(self) -> Fetcher:
        """Gets locked artifacts from the workspace's sources."""
        from envbuild.build.fetch import Fetcher

        return Fetcher(self._store, self.http, self, self._owner, self._sink)

    @once
    def indexes(self) -> PackageIndexes:
        """The workspace's package indexes."""
        from envbuild.sources.index import PackageIndexes

        stated = (source for source in self._project.workspace.sources if source.kind == INDEX)
        return PackageIndexes(self.http, {source.alias: "".join(source.urls) for source in stated})

    @once
    def mirrors(self) -> Mapping[str, DebianSource]:
        """The workspace's Debian mirrors."""
        from envbuild.sources.debian import DebianSource

        cache = self._cache / "debian"
        return {
            source.alias: DebianSource(
                source.alias, source.urls, source.keyring, self.http, cache, self._sink
            )
            for source in self._project.workspace.sources
            if source.kind == DEBIAN
        }

    @once
    def channels(self) -> Channels:
        """The workspace's conda channels."""
        from envbuild.sources.channel import Address, Channels, default_channel_url
        from envbuild.sources.registry_access import find_credentials

        addresses = {
            source.alias: Address(
                source.urls, find_credentials(_place_login(source.login)) if source.login else None
            )
            for source in self._project.workspace.sources
            if source.kind == CHANNEL
        }
        return Channels(self.http, addresses, default_channel_url)

    @once
    def registries(self) -> Registries:
        """The registries of the workspace, and any other that a target names."""
        return self._reach_registries(self.http)

    def glance_at_registries(self) -> Registries:
        """The same for what is asked only to tell of it: who is offline shall not wait."""
        from envbuild.sources.http import HttpClient

        return self._reach_registries(HttpClient(patience=HASTY))

    def _reach_registries(self, http: HttpClient) -> Registries:
        from envbuild.lock.registries import open_registries

        return open_registries(self.access, http)

    @once
    def access(self) -> RegistryAccess:
        """How the workspace's registries are reached."""
        from envbuild.sources.registry_access import RegistryAccess

        stated = [source for source in self._project.workspace.sources if source.kind == REGISTRY]
        aliases = {source.alias: "".join(source.urls) for source in stated}
        logins = {
            RegistryName.parse(aliases[source.alias]).host: _place_login(source.login)
            for source in stated
            if source.login
        }
        return RegistryAccess(aliases, logins, self._project.workspace.plain_http)

    def _owner(self, artifact: Locked) -> Owner:
        """Which target an artifact was locked for, for an error about it."""
        from envbuild.build.fetch import Owner

        for label, lock in self._project.locks.known():
            for platform, part in lock.platforms.items():
                if artifact in part.artifacts:
                    return Owner(str(label), self._suite(label, platform))
        return Owner("")

    def _suite(self, label: Label, platform: Platform) -> Suite | None:
        from envbuild.sources.debian import Suite

        question = self._project.analyzer.question(label, platform)
        for single in split_question(question) if question else ():
            if isinstance(single, DebianQuestion):
                return Suite(single.suite, single.components, platform.debian)
        return None


def _place_login(login: Login) -> tuple[str, ...]:
    """Where a login is, as `RegistryAccess` has it."""
    return (login.username, login.password) if login.file is None else (str(login.file),)
