"""Fetching locked artifacts: each from the source that its lock names, verified, into the store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.events import EventSink, TransferProgress
from envbuild.core.protocols import BlobStore
from envbuild.lock.base_image import DIRECT, LAYER_TYPES
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.model import Download, Locked
from envbuild.sources.http import HttpClient, WrongBytes

if TYPE_CHECKING:
    from envbuild.lock.registries import Registries
    from envbuild.sources.channel import Channels
    from envbuild.sources.debian import DebianSource, Suite
    from envbuild.sources.index import PackageIndexes

_TOLD_EVERY = 1 << 20  # bytes between two events of one download


@dataclass(frozen=True, slots=True)
class Owner:
    """Which target locked an artifact, and for a .deb from which suite: what an error says to mend."""

    label: str
    suite: Suite | None = None


class Sources(Protocol):
    """Where artifacts come from; each kind is imported when it is asked for."""

    @property
    def indexes(self) -> PackageIndexes:
        """Of wheels and sdists."""

    @property
    def mirrors(self) -> Mapping[str, DebianSource]:
        """Of .debs, by alias."""

    @property
    def registries(self) -> Registries:
        """Of layers."""

    @property
    def channels(self) -> Channels:
        """Of conda packages."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Brings artifacts into the store. Safe for several threads."""

    store: BlobStore
    http: HttpClient
    sources: Sources
    owner: Callable[[Locked], Owner]
    sink: EventSink = field(repr=False)

    def fetch(self, artifact: Locked) -> None:
        """Download and keep the artifact; raises SourceError or RegistryError, with nothing kept."""
        if artifact.kind in LAYER_TYPES:
            fetch_layer(artifact, self.sources.registries, self.store, self.sink)
            return
        expected = Digest(artifact.sha256, artifact.size)
        progress = _Progress(self.sink, artifact)
        if artifact.kind == "deb":
            self._fetch_deb(artifact, expected)
        elif artifact.kind == CONDA:
            self._fetch_conda(artifact, expected, progress.tell)
        else:
            self._fetch_wheel(artifact, expected, progress.tell)
        progress.finish()

    def keep(self, download: Download) -> Digest:
        """Download a file of which only the sha256 is known; raises SourceError, with nothing kept."""
        with self.store.writer() as writer:
            for piece in self.http.stream(lambda extra: self.http.get(download.url, extra)):
                writer.write(piece)
            found = writer.digest()
            if found.hash != download.sha256:
                raise WrongBytes(
                    f"`{download.url}` has the sha256 `{found.hash}`, and `{download.sha256}` is stated",
                    hint="look at what it is, and change `--checksum`",
                )
            return writer.commit(found)

    def keep_package(self, channel: str, file: str, md5: str, sha256: str = "") -> Digest:
        """Download a conda package of which one of these is known, or nothing (""); raises SourceError."""
        with self.store.writer() as writer:
            found = hashlib.md5(usedforsecurity=False)
            for piece in self.sources.channels.stream(channel, file):
                writer.write(piece)
                found.update(piece)
            digest = writer.digest()
            sums = (("md5", md5, found.hexdigest()), ("sha256", sha256, digest.hash))
            for kind, stated, real in sums:
                if stated not in ("", real):
                    raise WrongBytes(
                        f"`{file}` of `{channel}` has the {kind} `{real}`, and `{stated}` is stated",
                        hint="the file was replaced or damaged: find out why, before you trust it",
                    )
            return writer.commit(digest)

    def _fetch_deb(self, deb: Locked, expected: Digest) -> None:
        owner = self.owner(deb)
        mirror = self._mirror(deb.source)
        mirror.fetch(deb.file, expected, self.store.writer, suite=owner.suite, label=owner.label)

    def _fetch_wheel(self, wheel: Locked, expected: Digest, tell: Callable[[int], None]) -> None:
        with self.store.writer() as writer:
            if wheel.source:
                self.sources.indexes.fetch(
                    wheel.source, wheel.name, wheel.file, expected, writer, progress=tell
                )
            else:
                self.http.download(wheel.file, writer, expected, progress=tell)

    def _fetch_conda(self, package: Locked, expected: Digest, tell: Callable[[int], None]) -> None:
        channel, file = split_place(package)
        self.sources.channels.fetch(channel, file, expected, self.store.writer, progress=tell)

    def _mirror(self, alias: str) -> DebianSource:
        mirrors = self.sources.mirrors
        if alias not in mirrors:
            known = ", ".join(f"`{each}`" for each in sorted(mirrors))
            raise SourceError(
                f"the workspace has no Debian source `{alias}`",
                hint=f"it has {known}: name the mirror in envbuild.yaml, or lock again",
            )
        return mirrors[alias]


def fetch_layer(layer: Locked, registries: Registries, store: BlobStore, sink: EventSink) -> None:
    """Download and keep a layer of a registry's image; raises SourceError or RegistryError."""
    progress = _Progress(sink, layer)
    with store.writer() as writer:
        registries.fetch(layer, writer, progress.tell)
    progress.finish()


class _Progress:
    """Tells how far one download is, now and then and at its end."""

    def __init__(self, sink: EventSink, artifact: Locked) -> None:
        self._sink = sink
        self._name = _call(artifact)
        self._size = artifact.size
        self._told = 0

    def tell(self, done: int) -> None:
        """`done` bytes are here."""
        if done - self._told >= _TOLD_EVERY:
            self._emit(done)

    def finish(self) -> None:
        """All bytes are here, and verified."""
        self._emit(self._size)

    def _emit(self, done: int) -> None:
        self._told = done
        self._sink.emit(TransferProgress("download", self._name, done, self._size))


def split_place(package: Locked) -> tuple[str, str]:
    """The channel of a conda package, and the file below it: of a URL, what is before the last two names."""
    if package.source:
        return package.source, package.file
    channel, folder, name = package.file.rsplit("/", 2)
    return channel, f"{folder}/{name}"


def _call(artifact: Locked) -> str:
    """What people know a download by: of a layer, the repository and the beginning of the digest."""
    if artifact.kind in LAYER_TYPES:
        return f"{artifact.file.removeprefix(DIRECT)} sha256:{artifact.sha256[:12]}"
    return f"{artifact.name} {artifact.version}"
