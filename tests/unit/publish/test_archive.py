from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.platform import Platform
from envbuild.oci.document import BadImage
from envbuild.oci.image import Image
from envbuild.oci.layout import find_image
from envbuild.oci.validate import check_image
from envbuild.publish.archive import archive_image, archive_platform
from envbuild.publish.docker import DockerEngine
from envbuild.sources.engine import EngineError
from envbuild.store.disk import DiskStore
from tests.makers.images import AMD64, ARM64, load_image, make_index, make_manifest
from tests.makers.servers import require_programs


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "store")


@pytest.fixture
def image(store: DiskStore) -> Image:
    return load_image(store, make_manifest(store))


def unpack(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = [member for member in archive if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]


def name_of(image: Image) -> str:
    return f"envs/env_{image.digest.hash[:32]}:latest"


def test_the_archive_holds_the_image_and_nothing_else(store: DiskStore, image: Image) -> None:
    files = unpack(b"".join(archive_image(image, store, name_of(image))))
    blobs = {name: data for name, data in files.items() if name.startswith("blobs/")}
    assert files.keys() - blobs.keys() == {"oci-layout", "index.json", "manifest.json"}
    assert {name.rpartition("/")[2] for name in blobs} == {Digest.of(data).hash for data in blobs.values()}
    assert blobs.keys() == {f"blobs/sha256/{part.digest.hash}" for part in (*image.documents, *image.blobs)}
    root = find_image(files["index.json"])
    assert root.digest == image.digest
    assert check_image(root, lambda digest: io.BytesIO(blobs[f"blobs/sha256/{digest.hash}"])) == ()


def test_every_folder_is_named_before_what_is_in_it(store: DiskStore, image: Image) -> None:
    # skopeo makes a folder that is not named as root's, which fails for everybody else.
    data = b"".join(archive_image(image, store, name_of(image)))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
        folders = [member.name for member in archive if member.isdir()]
    assert folders == ["blobs", "blobs/sha256"]
    assert max(map(names.index, folders)) < min(map(names.index, (n for n in names if "sha256/" in n)))


def test_dockers_list_points_at_the_same_blobs(store: DiskStore, image: Image) -> None:
    files = unpack(b"".join(archive_image(image, store, name_of(image))))
    (listed,) = json.loads(files["manifest.json"])
    assert listed["RepoTags"] == [name_of(image)]
    assert listed["Config"] in files
    assert listed["Layers"] == [f"blobs/sha256/{layer.digest.hash}" for layer in image.layers]


def test_the_same_image_gives_the_same_bytes(store: DiskStore, image: Image, tmp_path: Path) -> None:
    other = DiskStore(tmp_path / "other")
    again = load_image(other, make_manifest(other))
    ours, theirs = (b"".join(archive_image(image, blobs, "n")) for blobs in (store, other))
    assert again.digest == image.digest
    assert ours == theirs


def test_several_platforms_are_no_docker_archive(store: DiskStore) -> None:
    """Docker's list has no place for platforms: a reader would take the first for its own."""
    image = load_image(store, make_index(store))
    files = unpack(b"".join(archive_image(image, store, "n")))
    assert "manifest.json" not in files
    assert len(files) == 2 + len(image.documents) + len(image.blobs)


def test_one_platform_of_several(store: DiskStore) -> None:
    image = load_image(store, make_index(store))
    files = unpack(b"".join(archive_platform(image, ARM64, store, "n")))
    (listed,) = json.loads(files["manifest.json"])
    assert json.loads(files[listed["Config"]])["architecture"] == "arm64"
    assert len(files) == 3 + 2 + 2  # the three lists, manifest and config, two layers


def test_a_platform_that_is_not_there_is_named(store: DiskStore) -> None:
    image = load_image(store, make_index(store, (AMD64,)))
    with pytest.raises(BadImage, match="`linux/arm64`") as caught:
        list(archive_platform(image, Platform("linux", "arm64"), store, "n"))
    assert "`linux/amd64`" in caught.value.hint


@pytest.mark.services
def test_skopeo_reads_it_as_both_kinds(store: DiskStore, image: Image, registry: str, tmp_path: Path) -> None:
    """As `oci-archive` it keeps the digest; as `docker-archive` the config, which is the image's ID."""
    require_programs("skopeo")
    path = tmp_path / "image.tar"
    path.write_bytes(b"".join(archive_image(image, store, name_of(image))))
    target = f"docker://{registry}/archives/{image.digest.hash[:12]}"
    copy = ["skopeo", "copy", "--dest-tls-verify=false", f"oci-archive:{path}", target]
    subprocess.run(copy, check=True, capture_output=True)
    inspect = ["skopeo", "inspect", "--tls-verify=false", "--raw", target]
    assert Digest.of(subprocess.run(inspect, check=True, capture_output=True).stdout) == image.digest
    config = ["skopeo", "inspect", "--config", "--raw", f"docker-archive:{path}"]
    data = subprocess.run(config, check=True, capture_output=True).stdout
    assert Digest.of(data) == image.manifests[0][1].config.digest


@pytest.mark.services
def test_an_engine_loads_it(store: DiskStore, image: Image, engine: str) -> None:
    """An image's ID is its config's digest: the engine took every layer for what it is."""
    loaded = DockerEngine(engine).load(archive_image(image, store, name_of(image)), name_of(image))
    assert loaded == str(image.manifests[0][1].config.digest)


@pytest.mark.services
def test_an_engine_loads_one_platform_of_several(store: DiskStore, engine: str) -> None:
    image = load_image(store, make_index(store))
    target = DockerEngine(engine)
    descriptor, manifest = image.select(target.platform())
    loaded = target.load(archive_platform(image, target.platform(), store, name_of(image)), name_of(image))
    assert descriptor.platform == target.platform()
    assert loaded == str(manifest.config.digest)


@pytest.mark.services
def test_an_engine_refuses_a_broken_archive(engine: str) -> None:
    with pytest.raises(EngineError, match="refused"):
        DockerEngine(engine).load([b"no tar at all" * 100], "n")


def test_no_engine_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no Docker engine answers") as caught:
        DockerEngine(f"unix://{tmp_path}/none").load([b""], "n")
    assert "DOCKER_HOST" in caught.value.hint
