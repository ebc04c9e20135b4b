"""Locked artifacts are taken from the source that the lock names, or it is said what to mend."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest

from envbuild.build.fetch import Fetcher, Owner
from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.events import TransferProgress
from envbuild.lock.model import Locked
from envbuild.lock.registries import Registries
from envbuild.sources.channel import Channels
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.debian import DebianSource, Suite
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.index import PackageIndexes
from envbuild.sources.registry import RegistryClient
from envbuild.store.disk import DiskStore
from tests.makers.actions import Recorder
from tests.makers.base_images import Upstream, make_layer
from tests.makers.debian import Deb, Mirror, serve, signers
from tests.makers.index import FakeIndex, IndexedFile, make_package, run_index
from tests.makers.sources import StatedSources, lock_deb, lock_file

SUITE = Suite("testing", ("main",), "amd64")


@dataclass
class Desk:
    """A fetcher with an empty store, and all that it speaks to."""

    index: FakeIndex
    http: HttpClient
    folder: Path
    mirrors: dict[str, DebianSource] = field(default_factory=dict)
    owner: Owner = field(default_factory=lambda: Owner("//:app"))
    asked: list[Locked] = field(default_factory=list)
    sink: Recorder = field(default_factory=Recorder)

    @property
    def store(self) -> DiskStore:
        return DiskStore(self.folder / "store")

    @property
    def fetcher(self) -> Fetcher:
        indexes = PackageIndexes(self.http, {"pypi": self.index.url})
        registries = Registries(self._connect, {})
        sources = StatedSources(indexes, self.mirrors, registries, Channels(self.http, {}))
        return Fetcher(self.store, self.http, sources, self._tell, self.sink)

    def _connect(self, host: str) -> RegistryClient:
        return RegistryClient(self.http, host, DockerCredentials({}))

    def _tell(self, artifact: Locked) -> Owner:
        self.asked.append(artifact)
        return self.owner

    def progress(self) -> list[TransferProgress]:
        return [event for event in self.sink.events if isinstance(event, TransferProgress)]

    def fail(self, artifact: Locked) -> SourceError:
        """The error of a fetch, which must keep nothing and not tell of an end."""
        with pytest.raises(SourceError) as caught:
            self.fetcher.fetch(artifact)
        assert [path for path in self.folder.glob("store/**/*") if path.is_file()] == []
        assert all(event.done < event.total for event in self.progress())
        return caught.value


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    http = HttpClient(patience=Patience(attempts=2, pause=0))
    with run_index() as index:
        yield Desk(index, http, tmp_path)
    http.close()


def lock(file: IndexedFile) -> Locked:
    return lock_file((file.name, file.data))


def test_a_wheel_of_an_index(desk: Desk) -> None:
    file = desk.index.add(make_package("alpha", payload=bytes(100)))
    desk.fetcher.fetch(lock(file))
    assert desk.store.read(Digest.of(file.data)) == file.data
    size = len(file.data)
    assert desk.progress() == [TransferProgress("download", "alpha 1.0", size, size)]
    assert desk.asked == []  # who locked it matters for .debs only


def test_a_wheel_at_a_url(desk: Desk) -> None:
    file = desk.index.add(make_package("alpha"))
    url = f"{desk.index.origin}/files/{file.name}"
    desk.fetcher.fetch(replace(lock(file), source="", file=url))
    assert desk.store.has(Digest.of(file.data))
    assert desk.index.requests == [f"/files/{file.name}"]


def test_how_far_it_is_is_told_now_and_then(desk: Desk) -> None:
    file = desk.index.add(make_package("alpha", payload=bytes(5 << 20)))
    desk.fetcher.fetch(lock(file))
    told = [event.done for event in desk.progress()]
    assert told[-1] == len(file.data)
    # Per MiB, and not per piece: an event costs more than reading one.
    assert 3 <= len(told) <= 6
    assert all(after - before >= 1 << 20 for before, after in zip([0, *told], told[:-1], strict=False))


@pytest.mark.parametrize("kind", ["index", "URL"])
def test_a_failure_names_the_source_where_there_is_one(desk: Desk, kind: str) -> None:
    file = desk.index.add(make_package("alpha"))
    desk.index.statuses[file.name] = 500
    wheel = lock(file)
    if kind == "URL":
        wheel = replace(wheel, source="", file=f"{desk.index.origin}/files/{file.name}")
    message = desk.fail(wheel).message
    assert "500" in message
    assert ("from `pypi`" in message) == (kind == "index")


def test_other_bytes_than_locked(desk: Desk) -> None:
    file = desk.index.add(make_package("alpha"))
    wheel = lock(file)
    desk.index.files["alpha"] = [replace(file, data=file.data[:-1] + b"!")]
    assert f"but {wheel.sha256} is locked" in desk.fail(wheel).message


def test_an_index_that_the_workspace_no_longer_has(desk: Desk) -> None:
    error = desk.fail(replace(lock(desk.index.add(make_package("alpha"))), source="ours"))
    assert error.message.endswith(": the workspace has no package index `ours`")
    assert error.hint.startswith("it has `pypi`")
    assert desk.index.requests == []


TOOL = Deb("tool", "1.0-1")


@pytest.fixture
def mirror(desk: Desk, tmp_path: Path) -> Iterator[Mirror]:
    """A mirror called `debian`, empty yet."""
    with signers("never") as (signer,):
        mirror = Mirror(tmp_path / "mirror", signer)
        mirror.root.mkdir()
        with serve(mirror.root) as (url, _):
            cache = tmp_path / "debian"
            desk.mirrors["debian"] = DebianSource(
                "debian", (url,), signer.keyring, desk.http, cache, desk.sink
            )
            yield mirror


def test_a_deb(desk: Desk, mirror: Mirror) -> None:
    mirror.publish("testing", [TOOL])
    deb = lock_deb(TOOL)
    desk.fetcher.fetch(deb)
    assert desk.store.read(Digest(deb.sha256, deb.size)) == TOOL.build()
    assert desk.progress() == [TransferProgress("download", "tool 1.0-1", deb.size, deb.size)]


def test_a_deb_that_was_superseded(desk: Desk, mirror: Mirror) -> None:
    mirror.publish("testing", [replace(TOOL, version="1.0-2")])
    desk.owner = Owner("//:base", SUITE)
    error = desk.fail(lock_deb(TOOL))
    assert "`tool_1.0-1_amd64.deb` any more: `tool` is at version 1.0-2 now" in error.message
    assert error.hint.startswith("run `envbuild lock //:base --upgrade`")
    assert desk.asked == [lock_deb(TOOL)]
    # Nobody's: then it cannot be said from which suite.
    desk.owner = Owner("")
    error = desk.fail(lock_deb(TOOL))
    assert error.message.endswith("any more")
    assert error.hint.startswith("run `envbuild lock --upgrade`")


def test_a_mirror_that_the_workspace_no_longer_has(desk: Desk, mirror: Mirror) -> None:
    error = desk.fail(replace(lock_deb(TOOL), source="backports"))
    assert error.message == "the workspace has no Debian source `backports`"
    assert error.hint == "it has `debian`: name the mirror in envbuild.yaml, or lock again"


@pytest.mark.services
def test_a_layer_comes_from_its_registry(desk: Desk, registry: str) -> None:
    upstream, layer = Upstream(registry, f"fetch{uuid4().hex}/base"), make_layer()
    upstream.put_blob(layer.data)
    sha256 = hashlib.sha256(layer.data).hexdigest()
    place = f"{registry}/{upstream.repository}"
    locked = Locked("tar+gzip", "layer-000", layer.diff_id, "", f"oci://{place}", sha256, len(layer.data))
    desk.fetcher.fetch(locked)
    assert desk.store.read(Digest(sha256, len(layer.data))) == layer.data
    last = desk.progress()[-1]
    assert (last.name, last.done) == (f"{place} sha256:{sha256[:12]}", len(layer.data))
