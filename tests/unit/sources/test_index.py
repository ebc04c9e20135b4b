"""Finding locked wheels again, and fetching them verified."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError, StoreError
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.index import PackageIndexes
from envbuild.store.disk import DiskStore
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.index import FakeIndex, make_package, run_index

ODD = make_package("odd", "1.0+local.1")


def open_index(index: FakeIndex, *, login: bool = False) -> PackageIndexes:
    http = HttpClient(patience=Patience(pause=0.01, attempts=2))
    return PackageIndexes(http, {"main": index.url_with_login() if login else index.url})


def fetch(indexes: PackageIndexes, store: DiskStore, file: tuple[str, bytes]) -> Digest:
    project, digest = file[0].partition("-")[0], Digest.of(file[1])
    with store.writer() as writer:
        return indexes.fetch("main", project, file[0], digest, writer)


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path)


@pytest.mark.parametrize("json", [False, True])
def test_fetch(store: DiskStore, json: bool) -> None:
    with run_index(make_package("odd"), ODD) as index:
        index.json = json
        digest = fetch(open_index(index), store, ODD)
    assert store.read(digest) == ODD[1]


def test_pages_are_compressed_where_the_index_does_so(store: DiskStore) -> None:
    name, data = ODD
    page = b'<a href="/old">old</a>' * 10_000 + f'<a href="/files/{name}">{name}</a>'.encode()

    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/files/"):
            return Answer(200, data)
        packed = gzip.compress(page) if "gzip" in asked.headers["accept-encoding"] else page
        sent.append(len(packed))
        damaged = packed[:-8] + bytes(8) if len(sent) == 1 else packed  # no right checksum: asked for again
        return Answer(200, damaged, {"Content-Type": "text/html", "Content-Encoding": "gzip"})

    sent: list[int] = []
    with open_gate(Gate("", before=answer)) as gate:
        http = HttpClient(patience=Patience(pause=0.01, attempts=2))
        assert fetch(PackageIndexes(http, {"main": f"http://{gate.host}"}), store, ODD) == Digest.of(data)
    assert len(sent) == 2
    assert max(sent) < len(page) / 10


def test_credentials_go_to_the_index_and_into_no_error(store: DiskStore) -> None:
    with run_index(ODD) as index:
        index.login = "me:s3cret"
        assert fetch(open_index(index, login=True), store, ODD) == Digest.of(ODD[1])
        with pytest.raises(SourceError) as caught:
            fetch(open_index(index, login=True), store, make_package("gone"))
        assert "s3cret" not in str(caught.value)
        with pytest.raises(SourceError, match="401"):
            fetch(open_index(index), store, ODD)


def test_another_file_of_that_name(store: DiskStore) -> None:
    with run_index() as index:
        index.add(ODD, sha256="0" * 64)
        with pytest.raises(SourceError, match="with another sha256 than the one locked") as caught:
            fetch(open_index(index), store, ODD)
    assert caught.value.hint.endswith("run `envbuild lock --upgrade-package odd`")


def test_a_file_that_is_not_what_its_page_says(store: DiskStore) -> None:
    name, data = ODD
    with run_index() as index:
        index.add((name, data[:-1] + b"!"), sha256=Digest.of(data).hash)
        with pytest.raises((SourceError, StoreError)):
            fetch(open_index(index), store, ODD)
    assert not store.has(Digest.of(data))


def test_a_body_that_breaks_off(store: DiskStore) -> None:
    with run_index(ODD) as index:
        index.truncated.add(ODD[0])
        index.ranges = False
        with pytest.raises(SourceError):
            fetch(open_index(index), store, ODD)
    assert not store.has(Digest.of(ODD[1]))


def test_a_file_or_a_package_that_is_gone(store: DiskStore) -> None:
    with run_index(make_package("odd", "2.0")) as index:
        with pytest.raises(SourceError, match=r"has no file `odd-1.0.local.1-py3-none-any.whl` any more"):
            fetch(open_index(index), store, ODD)
        with pytest.raises(SourceError, match="has no package `gone`"):
            fetch(open_index(index), store, make_package("gone"))


def test_an_index_that_fails(store: DiskStore) -> None:
    with run_index(ODD) as index:
        index.statuses["odd"] = 500
        with pytest.raises(SourceError, match="500"):
            fetch(open_index(index), store, ODD)


def test_an_alias_that_the_workspace_lacks() -> None:
    with run_index() as index, pytest.raises(SourceError, match="has no package index `other`") as caught:
        open_index(index).find("other", "odd", ODD[0], "")
    assert "`main`" in caught.value.hint
