"""Manifests, configs and indexes: canonical bytes out, anything in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.digest import PREFIX, Digest
from envbuild.core.errors import EnvbuildError
from envbuild.core.platform import Platform
from envbuild.oci.config import ImageConfig, Runtime
from envbuild.oci.descriptor import LAYER, MANIFEST, Descriptor
from envbuild.oci.document import MAX_SIZE, BadImage, Document
from envbuild.oci.image import read_image
from envbuild.oci.index import Index
from envbuild.oci.layout import find_image, list_image
from envbuild.oci.manifest import Manifest

AMD64 = Platform("linux", "amd64")
digests = st.binary(max_size=8).map(Digest.of)
tables = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
names = st.text("ABC_", min_size=1, max_size=4)
texts = st.lists(st.text(max_size=5), max_size=3).map(tuple)
runtimes = st.builds(
    Runtime,
    variables=st.dictionaries(names, st.text(max_size=5), max_size=3),
    workdir=st.text(max_size=5),
    user=st.text(max_size=5),
    entrypoint=texts,
    command=texts,
    labels=tables,
)


@given(runtimes, st.lists(digests.map(str), max_size=3).map(tuple))
def test_configs_come_back_as_they_were(runtime: Runtime, diff_ids: tuple[str, ...]) -> None:
    config = ImageConfig(AMD64, runtime, diff_ids, tuple("x" for _ in diff_ids))
    assert ImageConfig.parse(config.to_bytes()) == config


@given(digests, st.lists(digests, max_size=3), tables)
def test_manifests_come_back_as_they_were(
    config: Digest, layers: list[Digest], annotations: dict[str, str]
) -> None:
    parts = tuple(Descriptor(LAYER, layer) for layer in layers)
    manifest = Manifest(Descriptor("c", config), parts, annotations)
    assert Manifest.parse(manifest.to_bytes()) == manifest


@given(digests, tables)
def test_indexes_come_back_as_they_were(digest: Digest, annotations: dict[str, str]) -> None:
    index = Index((Descriptor(MANIFEST, digest, AMD64, annotations),), annotations)
    assert Index.parse(index.to_bytes()) == index


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda below: (
            st.lists(below)
            | st.dictionaries(
                st.sampled_from(
                    ["config", "layers", "rootfs", "schemaVersion", "os", "architecture", "manifests", "size"]
                ),
                below,
            )
        ),
    )
)
def test_whatever_comes_in_is_an_error_of_ours(values: object) -> None:
    data = json.dumps(values).encode()
    for kind in (Manifest, Index, ImageConfig):
        try:
            assert isinstance(kind.parse(data), kind)
        except EnvbuildError:
            continue


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[" * 100_000, bytes(MAX_SIZE + 1), b"1", b'{"a": NaN}', b'{"a": "\\ud800"}']
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(BadImage):
        Document.parse(data, "a document")


# What a descriptor's `int64` can hold, and no more: sums of such sizes can be written down.
@pytest.mark.parametrize("size", [-1, 1 << 63, 10**4000, 1.0, True, "1", None])
def test_sizes_that_are_none(size: object) -> None:
    with pytest.raises(BadImage, match="`size` of a descriptor is no non-negative integer"):
        Document({"size": size}, "a descriptor").number("size")


def test_an_index_of_thousands_is_not_followed() -> None:
    index = Index((Descriptor(MANIFEST, Digest("1" * 64, 1)),) * 1001)
    asked = []

    def read(descriptor: Descriptor) -> bytes:
        asked.append(descriptor)
        return index.to_bytes()

    with pytest.raises(BadImage, match="an index lists 1001 manifests, more than the 1000 allowed"):
        read_image(index.describe(), read)
    assert len(asked) == 1


def test_media_types_are_quoted_on_one_line() -> None:
    root = Descriptor("a\nhint: b\x1b[2J" + "c" * 1000, Digest("1" * 64, 1))
    with pytest.raises(BadImage) as caught:
        read_image(root, lambda descriptor: b"")
    assert caught.value.message.startswith(r"`a\nhint: b\x1b[2Jccc")
    assert len(caught.value.message) < 150


def test_the_bytes_of_a_config() -> None:
    """What the image's digest rests on: no time, no empty fields, variables in order of name."""
    runtime = Runtime(variables={"B": "2", "A": "1"}, command=("python",))
    config = ImageConfig(AMD64, runtime, (PREFIX + "0" * 64,), ("numpy 2",))
    assert config.to_bytes() == (
        b'{"architecture":"amd64","config":{"Cmd":["python"],"Env":["A=1","B=2"]},'
        b'"history":[{"created_by":"numpy 2"}],"os":"linux",'
        b'"rootfs":{"diff_ids":["sha256:' + b"0" * 64 + b'"],"type":"layers"}}'
    )


def test_the_bytes_of_a_manifest() -> None:
    manifest = Manifest(
        Descriptor("c", Digest("1" * 64, 1)), (Descriptor(LAYER, Digest("2" * 64, 2)),), {"a": "b"}
    )
    assert manifest.to_bytes() == (
        b'{"annotations":{"a":"b"},"config":{"digest":"sha256:' + b"1" * 64 + b'","mediaType":"c","size":1},'
        b'"layers":[{"digest":"sha256:' + b"2" * 64 + b'","mediaType":"' + LAYER.encode() + b'","size":2}],'
        b'"mediaType":"' + MANIFEST.encode() + b'","schemaVersion":2}'
    )
    assert manifest.describe(AMD64) == Descriptor(MANIFEST, Digest.of(manifest.to_bytes()), AMD64)


def test_a_layout_lists_one_image() -> None:
    root = Descriptor(MANIFEST, Digest("1" * 64, 1), AMD64)
    assert find_image(list_image(root, "latest")) == root
    with pytest.raises(BadImage, match="2 images"):
        find_image(Index((root, root)).to_bytes())
