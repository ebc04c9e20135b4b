"""The checker finds each single fault, and none in what is right."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envbuild.archive.gzip import compress_member
from envbuild.core.digest import Digest
from envbuild.oci.descriptor import INDEX, LAYER, Descriptor
from envbuild.oci.document import BadImage
from envbuild.oci.validate import check_image, require_valid
from envbuild.store.disk import DiskStore
from tests.makers.images import AMD64, ARM64, load_image, make_index, make_manifest

Json = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path)


def check(store: DiskStore, root: Descriptor) -> tuple[str, ...]:
    return check_image(root, lambda digest: store.path(digest).open("rb"))


def changed(store: DiskStore, descriptor: Descriptor, change: Callable[[Json], object]) -> Descriptor:
    """The descriptor of a document with a change."""
    document = json.loads(store.read(descriptor.digest))
    change(document)
    return Descriptor(descriptor.media_type, store.put(json.dumps(document).encode()), descriptor.platform)


def with_config(store: DiskStore, root: Descriptor, change: Callable[[Json], object]) -> Descriptor:
    """The image with a change of its config."""
    config = changed(store, load_image(store, root).manifests[0][1].config, change)
    return changed(store, root, lambda manifest: manifest.update(config=config.to_json()))


def with_layer(store: DiskStore, root: Descriptor, data: bytes) -> Descriptor:
    """The image with other bytes as its first layer."""
    layer = Descriptor(LAYER, store.put(data)).to_json()
    return changed(store, root, lambda manifest: manifest["layers"].__setitem__(0, layer))


@pytest.mark.parametrize("make", [make_manifest, make_index])
def test_what_is_right_has_no_violations(make: Callable[[DiskStore], Descriptor], store: DiskStore) -> None:
    root = make(store)
    assert check(store, root) == ()
    require_valid(root, lambda digest: store.path(digest).open("rb"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["layers"].pop(), "1 layers, but 2 diff IDs"),
        (lambda m: m["layers"].reverse(), "has the diff ID"),
        (lambda m: m["layers"][0].update(mediaType="text/plain"), "is a `text/plain`"),
        (lambda m: m["layers"][0].update(size=1), "not in the store"),
        (lambda m: m["layers"][0].update(digest="sha256:" + "0" * 64), "not in the store"),
        (lambda m: m["layers"][0].update(digest="md5:1"), "no"),
        (lambda m: m["config"].update(mediaType="text/plain"), "no image config by its type"),
        (lambda m: m.update(schemaVersion=1), "of another kind"),
        (lambda m: m.pop("config"), "no JSON object"),
    ],
)
def test_faults_of_a_manifest(change: Callable[[Json], object], message: str, store: DiskStore) -> None:
    root = changed(store, make_manifest(store), change)
    assert message in "\n".join(check(store, root))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["history"].pop(), "tells of 1"),
        (lambda c: c["rootfs"].update(type="disk"), "not `layers`"),
        (lambda c: c["rootfs"]["diff_ids"].reverse(), "has the diff ID"),
        (lambda c: c["rootfs"].update(diff_ids=["x", "y"]), "a diff ID is wrong"),
        (lambda c: c.update(architecture="z80"), "unknown platform"),
        (lambda c: c["config"].update(Env="PATH=/bin"), "no list of texts"),
    ],
)
def test_faults_of_a_config(change: Callable[[Json], object], message: str, store: DiskStore) -> None:
    root = with_config(store, make_manifest(store), change)
    assert message in "\n".join(check(store, root))


def test_history_may_tell_of_steps_without_layers(store: DiskStore) -> None:
    """As `docker build` writes it."""
    empty = {"created_by": "ENV A=b", "empty_layer": True}
    root = with_config(store, make_manifest(store), lambda config: config["history"].append(empty))
    assert check(store, root) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i["manifests"].clear(), "lists no image"),
        (lambda i: i["manifests"][0].pop("platform"), "without platform"),
        (lambda i: i["manifests"].append(i["manifests"][0]), "twice"),
        (lambda i: i["manifests"][0]["platform"].update(architecture="arm64"), "is for `linux/amd64`"),
        (lambda i: i["manifests"][0].update(mediaType=INDEX), f"is a `{INDEX}`"),
        (lambda i: i.update(mediaType="text/plain"), "of another kind"),
    ],
)
def test_faults_of_an_index(change: Callable[[Json], object], message: str, store: DiskStore) -> None:
    root = changed(store, make_index(store), change)
    assert message in "\n".join(check(store, root))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no gzip", "broken"),
        (gzip.compress(b"", mtime=0)[:-3], "ends early"),
        (gzip.compress(b"no tar", mtime=0), "does not end as a tar archive does"),
        (compress_member(bytes(512)), "does not end as a tar archive does"),
        (compress_member(bytes(1024)), "has the diff ID"),  # an empty archive, but not the one stated
    ],
)
def test_faults_of_a_layer(data: bytes, message: str, store: DiskStore) -> None:
    root = with_layer(store, make_manifest(store), data)
    assert message in "\n".join(check(store, root))


def test_bytes_that_changed_in_the_store_are_found(store: DiskStore) -> None:
    root = make_manifest(store)
    image = load_image(store, root)
    for part in (root, image.manifests[0][1].config, image.layers[0]):
        path = store.path(part.digest)
        kept = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(bytes([kept[0], *reversed(kept[1:])]))
        assert str(part.digest) in "\n".join(check(store, root)) or "no JSON" in check(store, root)[0]
        path.write_bytes(kept)
    assert check(store, root) == ()


def test_all_violations_are_told_together(store: DiskStore) -> None:
    def change(index: Json) -> None:
        for entry in index["manifests"]:
            entry["mediaType"] = "text/plain"

    root = changed(store, make_index(store), change)
    with pytest.raises(BadImage) as caught:
        require_valid(root, lambda digest: store.path(digest).open("rb"))
    assert str(caught.value).count("text/plain") == 2


def test_documents_without_end_are_not_read(store: DiskStore) -> None:
    root = Descriptor(INDEX, Digest("0" * 64, 1 << 40))
    assert "too large" in check(store, root)[0]


def test_platforms_of_an_image(store: DiskStore) -> None:
    image = load_image(store, make_index(store))
    assert [descriptor.platform for descriptor, _ in image.manifests] == [AMD64, ARM64]
    assert len(image.layers) == 3  # one of them is shared
