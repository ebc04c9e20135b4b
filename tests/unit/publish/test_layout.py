from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envbuild.core.errors import BlobMissing, StoreError
from envbuild.oci.validate import check_image
from envbuild.publish.layout import LocalImages
from envbuild.store.disk import DiskStore
from envbuild.store.roots import reachable
from tests.makers.images import LAYERS, make_index, make_manifest
from tests.makers.servers import require_programs

NAME = "env_" + "0" * 32


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path)


@pytest.fixture
def images(store: DiskStore) -> LocalImages:
    return LocalImages(store.root, store)


def test_a_published_image_is_found_whole(store: DiskStore, images: LocalImages) -> None:
    assert images.find(NAME) is None
    root = make_index(store)
    images.publish(NAME, root)
    found = images.find(NAME)
    assert found
    assert found.root == root
    assert check_image(found.root, lambda digest: store.path(digest).open("rb")) == ()
    assert not list(store.temporary.iterdir())


def test_an_image_holds_all_its_blobs(store: DiskStore, images: LocalImages) -> None:
    """What garbage collection keeps is what the image needs."""
    image = images.publish(NAME, make_index(store))
    needed = {part.digest.hash for part in (*image.blobs, *image.documents)}
    assert reachable(store) == needed


def test_the_first_of_a_name_wins(store: DiskStore, images: LocalImages) -> None:
    first = make_manifest(store)
    images.publish(NAME, first)
    assert images.publish(NAME, make_manifest(store, LAYERS[:1])).root == first


def test_many_at_once_agree(store: DiskStore, images: LocalImages) -> None:
    roots = [make_manifest(store, ({"n": str(n).encode()},)) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda root: images.publish(NAME, root), roots))
    found = images.find(NAME)
    assert found
    assert found.root in roots


def test_an_image_that_lost_a_blob_is_none_and_is_replaced(store: DiskStore, images: LocalImages) -> None:
    image = images.publish(NAME, make_manifest(store))
    store.set_aside(image.layers[0].digest.hash)
    assert images.find(NAME) is None
    other = make_manifest(store, LAYERS[1:])
    assert images.publish(NAME, other).root == other
    assert images.find(NAME)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"schemaVersion":2,"manifests":[{}]}'])
def test_a_damaged_index_is_no_image(damage: bytes, store: DiskStore, images: LocalImages) -> None:
    images.publish(NAME, make_manifest(store))
    (images.folder(NAME) / "index.json").write_bytes(damage)
    assert images.find(NAME) is None


def test_an_image_without_all_blobs_is_not_published(store: DiskStore, images: LocalImages) -> None:
    root = make_manifest(store)
    store.set_aside(images.read(root).layers[0].digest.hash)
    with pytest.raises(BlobMissing):
        images.publish(NAME, root)
    assert not images.folder(NAME).exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_advice(store: DiskStore, images: LocalImages) -> None:
    root = make_manifest(store)
    (store.root / "images").write_text("a file is in the way")
    with pytest.raises(StoreError) as caught:
        images.publish(NAME, root)
    assert "--cache-dir" in caught.value.hint


@pytest.mark.services
@pytest.mark.parametrize("make", [make_manifest, make_index])
def test_other_tools_read_it(make: object, store: DiskStore, images: LocalImages, registry: str) -> None:
    """Skopeo copies it from the store to a registry with the same digest."""
    require_programs("skopeo")
    root = make_index(store) if make is make_index else make_manifest(store)
    images.publish(NAME, root)
    target = f"docker://{registry}/layouts/{root.digest.hash[:12]}"
    copy = ["skopeo", "copy", "--all", "--dest-tls-verify=false", f"oci:{images.folder(NAME)}:latest", target]
    subprocess.run(copy, check=True, capture_output=True)
    inspect = ["skopeo", "inspect", "--tls-verify=false", "--raw", target]
    assert subprocess.run(inspect, check=True, capture_output=True).stdout == store.read(root.digest)
