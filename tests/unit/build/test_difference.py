"""Two images of one target: where they differ first is told as a person would look for it."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from envbuild.archive.layer import LayerWriter
from envbuild.build.difference import Side, find_difference
from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError, BlobMissing
from envbuild.core.platform import Platform
from envbuild.graph.analyze import Configured
from envbuild.oci.config import ImageConfig, Runtime
from envbuild.oci.descriptor import LAYER, Descriptor
from envbuild.oci.index import Index
from envbuild.oci.manifest import Manifest
from envbuild.store.disk import DiskStore
from tests.makers.debian import entry, make_tar
from tests.makers.images import load_image
from tests.makers.targets import AMD64, ARM64, World, make_locked

Write = Callable[[LayerWriter], object]
Layers = Sequence[Write | bytes]


def venv(layer: LayerWriter) -> None:
    """What is below in every image here."""
    layer.file("opt/env/pyvenv.cfg", b"")


def one(layer: LayerWriter) -> None:
    layer.file("a", b"first")
    layer.file("b", b"second", mode=0o755)


def target(*platforms: Platform) -> Configured:
    """A target of two layers: `venv`, and one package's."""
    world = World()
    return world.configure(world.environment(packages=[make_locked("one")], platforms=platforms or (AMD64,)))


class Shelf:
    """A store with images in it."""

    def __init__(self, folder: Path) -> None:
        self.store = DiskStore(folder)

    def image(self, *layers: Write | bytes, annotations: Mapping[str, str] = {}, user: str = "") -> Side:
        return Side(load_image(self.store, self._manifest(layers, AMD64, annotations, user)), self.store)

    def images(self, images: Mapping[Platform, Layers], annotations: Mapping[str, str] = {}) -> Side:
        made = {each: self._manifest(layers, each, {}, "") for each, layers in images.items()}
        entries = tuple(replace(descriptor, platform=each) for each, descriptor in made.items())
        index = Index(entries, annotations)
        self.store.put(index.to_bytes())
        return Side(load_image(self.store, index.describe()), self.store)

    def _manifest(
        self, layers: Layers, platform: Platform, annotations: Mapping[str, str], user: str
    ) -> Descriptor:
        digests = [self._layer(each) for each in layers]
        diff_ids = tuple(f"sha256:{digest.hash}" for digest in digests)
        config = ImageConfig(platform, Runtime(user=user), diff_ids, tuple("" for _ in digests))
        self.store.put(config.to_bytes())
        described = tuple(Descriptor(LAYER, digest) for digest in digests)
        manifest = Manifest(config.describe(), described, annotations)
        self.store.put(manifest.to_bytes())
        return manifest.describe()

    def _layer(self, layer: Write | bytes) -> Digest:
        if isinstance(layer, bytes):
            return self.store.put(layer)
        with self.store.writer() as out:
            writer = LayerWriter(out)
            layer(writer)
            return out.commit(writer.finish().digest)


def pack(changes: Mapping[str, object], last: bytes) -> bytes:
    """A layer as others make them: of three files, the second has `changes`, the third `last` in it."""
    second = {"name": "etc/x", "data": b"first", **changes}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in (entry("a"), entry(**second), entry("z", last)):  # type: ignore[arg-type]
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


@pytest.fixture
def left(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "left")


@pytest.fixture
def right(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "right")


def test_equal_images_of_two_stores(left: Shelf, right: Shelf) -> None:
    assert find_difference(target(), left.image(venv, one), right.image(venv, one)) == ""


ENTRIES: Mapping[str, tuple[Mapping[str, object], str]] = {
    "contents": ({"data": b"other"}, "contents"),
    "mode": ({"mode": 0o755}, "mode"),
    "user": ({"uid": 7}, "owner"),
    "group": ({"gid": 7}, "owner"),
    "user's name": ({"uname": "root"}, "owner"),
    "time": ({"mtime": 1}, "time"),
    "kind": ({"type": b"5", "data": b""}, "kind and contents"),
    "a link's target": ({"type": b"2", "linkname": "there", "data": b""}, "kind and target and contents"),
    "header": ({"pax_headers": {"comment": "made at noon"}}, "header"),
    "several": ({"data": b"other", "mode": 0o600}, "mode and contents"),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_an_entry_that_differs(left: Shelf, right: Shelf, case: str) -> None:
    changes, aspects = ENTRIES[case]
    found = find_difference(
        target(), left.image(venv, pack({}, b"1")), right.image(venv, pack(changes, b"2"))
    )
    # What follows differs, too: it is the first difference that is told.
    assert found == f"layer 2 for linux/amd64 (one 1.0): `etc/x` differs in its {aspects}"


def test_a_link_that_leads_elsewhere(left: Shelf, right: Shelf) -> None:
    found = find_difference(
        target(),
        left.image(venv, lambda layer: layer.symlink("x", "here")),
        right.image(venv, lambda layer: layer.symlink("x", "there")),
    )
    assert found == "layer 2 for linux/amd64 (one 1.0): `x` differs in its target"


def test_a_file_that_one_of_them_lacks(left: Shelf, right: Shelf) -> None:
    def both(layer: LayerWriter) -> None:
        one(layer)
        layer.file("c", b"third")

    less, more = left.image(venv, one), right.image(venv, both)
    text = "layer 2 for linux/amd64 (one 1.0): `c` is in one of them only"
    assert find_difference(target(), less, more) == find_difference(target(), more, less) == text


def test_files_in_another_order(left: Shelf, right: Shelf) -> None:
    def reverse(layer: LayerWriter) -> None:
        layer.file("b", b"second", mode=0o755)
        layer.file("a", b"first")

    found = find_difference(target(), left.image(venv, one), right.image(venv, reverse))
    assert found == "layer 2 for linux/amd64 (one 1.0): `a` is where the second build has `b`"


def test_the_same_files_compressed_otherwise(left: Shelf, right: Shelf) -> None:
    tar = make_tar([entry("a", b"a" * 1000)])
    images = [
        shelf.image(venv, gzip.compress(tar, level, mtime=0)) for shelf, level in ((left, 0), (right, 9))
    ]
    found = find_difference(target(), images[0], images[1])
    assert found == "layer 2 for linux/amd64 (one 1.0): the same files, compressed otherwise"


def test_the_first_of_two_layers_is_told(left: Shelf, right: Shelf) -> None:
    found = find_difference(target(), left.image(venv, one), right.image(one, venv))
    assert found.startswith("layer 1 for linux/amd64 (venv): `opt/env/pyvenv.cfg` is where")


def test_a_layer_more(left: Shelf, right: Shelf) -> None:
    found = find_difference(target(), left.image(venv, one), right.image(venv))
    assert found == "the number of layers for linux/amd64"


def test_documents(left: Shelf, right: Shelf) -> None:
    plain = left.image(venv, one)
    assert find_difference(target(), plain, right.image(venv, one, user="1000")) == (
        "the configuration for linux/amd64"
    )
    assert find_difference(target(), plain, right.image(venv, one, annotations={"a": "b"})) == (
        "the manifest for linux/amd64"
    )


def test_several_platforms(left: Shelf, right: Shelf) -> None:
    both = target(AMD64, ARM64)
    same: dict[Platform, Layers] = {AMD64: [venv, one], ARM64: [venv, one]}
    images = left.images(same)
    assert find_difference(both, images, right.images(same, {"a": "b"})) == "the index"
    found = find_difference(both, images, right.images({**same, ARM64: [venv, venv]}))
    assert (
        found == "layer 2 for linux/arm64 (one 1.0): `a` is where the second build has `opt/env/pyvenv.cfg`"
    )


def test_a_layer_that_is_lost_or_broken(left: Shelf, right: Shelf) -> None:
    lost, there = left.image(venv, one), right.image(venv, venv)
    path = left.store.path(lost.image.layers[1].digest)
    data = path.read_bytes()
    path.unlink()
    with pytest.raises(BlobMissing):
        find_difference(target(), lost, there)
    path.write_bytes(bytes(len(data)))
    with pytest.raises(ArchiveError):
        find_difference(target(), lost, there)
