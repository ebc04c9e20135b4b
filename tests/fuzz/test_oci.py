"""Manifests, indexes and image configs, one at a time and as an image."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.digest import Digest
from envbuild.core.platform import Platform
from envbuild.oci.config import ImageConfig, Runtime
from envbuild.oci.descriptor import CONFIG, INDEX, LAYER, MANIFEST, Descriptor
from envbuild.oci.image import read_image
from envbuild.oci.index import Index
from envbuild.oci.layout import find_image
from envbuild.oci.manifest import Manifest
from envbuild.oci.validate import check_image
from envbuild.store.disk import DiskStore
from tests.makers.documents import Json, altered, documents, read_or_say, to_json
from tests.makers.images import make_index
from tests.makers.mutants import fuzz

BLOB = Digest("ab" * 32, 5)
RUNTIME = Runtime({"A": "b"}, "/", "me", ("a",), ("b",), {"c": "d"})
Kind = type[Manifest | Index | ImageConfig]
CASES: dict[Kind, Manifest | Index | ImageConfig] = {
    Manifest: Manifest(Descriptor(CONFIG, BLOB), (Descriptor(LAYER, BLOB),), {"a": "b"}),
    Index: Index((Descriptor(MANIFEST, BLOB, Platform()), Descriptor(INDEX, BLOB)), {"a": "b"}),
    ImageConfig: ImageConfig(Platform(), RUNTIME, (f"sha256:{BLOB.hash}",), ("a layer",)),
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Kind, bytes]:
    kind = draw(st.sampled_from(list(CASES)))
    return kind, draw(documents(json.loads(CASES[kind].to_bytes())))


@fuzz
@given(cases())
def test_a_document_comes_back_or_is_refused(case: tuple[Kind, bytes]) -> None:
    kind, data = case
    read = read_or_say(lambda: kind.parse(data))
    # Our own text of what was read is canonical, and says the same.
    assert read is None or kind.parse(read.to_bytes()) == read


@fuzz
@given(documents(json.loads(CASES[Index].to_bytes())))
def test_the_index_of_a_layout(data: bytes) -> None:
    read_or_say(lambda: find_image(data))


@st.composite
def edits(draw: st.DrawFn) -> Callable[[Json], Json]:
    chosen = draw(st.integers(0, 5))
    count = iter(range(100))
    return lambda document: draw(altered(document)) if next(count) == chosen else document


@fuzz
@given(edits())
def test_an_image_with_one_document_changed(edit: Callable[[Json], Json]) -> None:
    """The store gives what was changed for what was asked, as a damaged or lying one does."""
    with TemporaryDirectory() as folder:
        store = DiskStore(Path(folder))
        root = make_index(store)

        def read(descriptor: Descriptor) -> bytes:
            return to_json(edit(json.loads(store.read(descriptor.digest))))

        read_or_say(lambda: read_image(root, read))
        for path in list(store.blobs.iterdir()):
            data = path.read_bytes()
            if data[:1] == b"{":
                path.chmod(0o644)
                path.write_bytes(to_json(edit(json.loads(data))))
        for violation in check_image(root, lambda digest: store.path(digest).open("rb")):
            assert len(violation) < 5000


def test_documents_that_nobody_changed_are_read() -> None:
    for kind, value in CASES.items():
        assert kind.parse(value.to_bytes()) == value
