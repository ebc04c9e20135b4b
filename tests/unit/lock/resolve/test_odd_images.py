"""Images in forms that are rare, and that some registry has."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from envbuild.store.disk import DiskStore
from tests.makers.base_images import DOCKER, OCI, ROOT, Layer, Upstream, make_layer, sha256
from tests.makers.desk import Desk
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.lazy_layers import make_chunked, make_estargz
from tests.makers.targets import ARM64

pytestmark = pytest.mark.services

FACTS = {"libc": "glibc 2.36", "python": "3.11.9", "interpreter": "/usr/local/bin/python3.11"}


@pytest.fixture
def desk(registry: str, tmp_path: Path) -> Desk:
    return Desk(Upstream(registry, f"odd{uuid4().hex}/base"), DiskStore(tmp_path))


VARIANTS = {"v6": "arm", "v7": "arm", "v8": "arm64", "": "amd64", "v3": "amd64"}


def test_variants_of_an_architecture(desk: Desk) -> None:
    """As indexes of arm have them: older ones come first, and are for other machines."""
    pushed = {
        variant: desk.upstream.push(make_layer({**ROOT, "etc/v": variant}), architecture=architecture)
        for variant, architecture in {
            "v6": "arm",
            "v7": "arm",
            "v8": "arm64",
            "": "amd64",
            "v3": "amd64",
        }.items()
    }
    for variant, descriptor in pushed.items():
        descriptor["platform"] |= {"variant": variant} if variant else {}
    desk.upstream.push_index(*pushed.values(), tag="1")
    assert str(desk.resolve(platform=ARM64).manifest) == pushed["v8"]["digest"]
    assert str(desk.resolve().manifest) == pushed[""]["digest"]


@pytest.mark.parametrize("kind", ["v1+prettyjws", "v1+json"])
def test_an_image_of_schema_1(desk: Desk, kind: str) -> None:
    document = {"schemaVersion": 1, "name": "x", "tag": "1", "architecture": "amd64", "fsLayers": []}
    media_type = f"{DOCKER}.distribution.manifest.{kind}"

    def answer(asked: Asked) -> Answer | None:
        old = Answer(200, json.dumps(document).encode(), {"Content-Type": media_type})
        return old if "/manifests/" in asked.target else None

    with open_gate(Gate(desk.upstream.host, before=answer)) as gate:
        desk.upstream = replace(desk.upstream, host=gate.host)
        error = desk.fail()
    assert error.message.endswith("is in the form of Docker's schema 1, which is no longer read")
    assert error.hint == "convert it with `skopeo copy --format v2s2`, or push it again"


BOUND = (
    f"{DOCKER}.image.rootfs.foreign.diff.tar.gzip",
    *(f"{OCI}.layer.nondistributable.v1.tar{ending}" for ending in ("", "+gzip", "+zstd")),
)


@pytest.mark.parametrize("media_type", BOUND)
def test_layers_that_only_their_maker_distributes(desk: Desk, media_type: str) -> None:
    layer = replace(make_layer(), media_type=media_type)
    desk.upstream.push(layer, tag="1")
    error = desk.fail()
    assert f"`{sha256(layer.data)}` is one that only its maker may distribute" in error.message
    assert error.hint.startswith("name a base without such layers")


def test_an_image_without_layers(desk: Desk) -> None:
    desk.upstream.push(tag="1")
    image = desk.resolve()
    assert (image.layers, image.facts, image.packages) == ((), {}, ())


def test_layers_with_nothing_in_them(desk: Desk) -> None:
    """Docker made them for each instruction once, and an image may have one several times."""
    tar = bytes(1024)
    empty = Layer(gzip.compress(tar, mtime=0), f"{OCI}.layer.v1.tar+gzip", sha256(tar))
    desk.upstream.push(empty, make_layer(), empty, tag="1")
    image = desk.resolve()
    assert [layer.version for layer in image.layers] == [empty.diff_id, make_layer().diff_id, empty.diff_id]
    assert image.facts == FACTS


@pytest.mark.parametrize("make", [make_estargz, make_chunked])
def test_layers_that_can_be_pulled_lazily(desk: Desk, make: Callable[[bytes], Layer]) -> None:
    plain = make_layer(form="")
    layer = make(plain.data)
    noted = {**layer.annotations, "org.example.note": "of no use to engines"}
    desk.upstream.push(replace(layer, annotations=noted), tag="1")
    image = desk.resolve()
    assert [each.version for each in image.layers] == [layer.diff_id]
    assert image.facts == FACTS
    assert image.lazy == {image.layers[0].sha256: layer.annotations}


def test_histories_and_fields_of_others(desk: Desk) -> None:
    """What steps made no layer is told there, too; and each tool has fields of its own."""
    history = [{"created_by": "ENV A=1", "empty_layer": True}, {"created": "1970-01-01T00:00:00Z"}]
    more = {
        "history": history,
        "os.version": "10",
        "os.features": ["x"],
        "container_config": {"Cmd": ["/bin/sh"]},
        "moby.buildkit.buildinfo.v1": "e30=",
        "created": "2024-01-01T00:00:00Z",
        "variant": "",
    }
    config = {
        "Env": ["A=1"],
        "Cmd": None,
        "Volumes": None,
        "OnBuild": [],
        "NetworkDisabled": True,
        "New": {"x": 1},
    }
    desk.upstream.push(make_layer(), tag="1", config=config, more=more)
    image = desk.resolve()
    assert image.config == {"Env": ["A=1"]}
    assert image.facts == FACTS


def test_an_image_of_as_many_layers_as_engines_take(desk: Desk) -> None:
    layers = [make_layer({f"etc/{n}": str(n)}) for n in range(126)]
    desk.upstream.push(make_layer(), *layers, tag="1")
    image = desk.resolve()
    assert len(image.layers) == 127
    assert len({layer.sha256 for layer in image.layers}) == 127
