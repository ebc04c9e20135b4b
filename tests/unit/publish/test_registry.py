"""Publishing to Debian's registry and back, with and without faults in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import docker
import pytest

from envbuild.core.errors import RegistryError, UsageError
from envbuild.core.events import Silent
from envbuild.oci.annotations import DEFINITION
from envbuild.oci.image import Image
from envbuild.oci.reference import RegistryName
from envbuild.oci.validate import require_valid
from envbuild.publish.layout import LocalImages
from envbuild.publish.naming import Naming
from envbuild.publish.registry import RegistryPublisher
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.registry import RegistryClient, RegistryStatusError
from envbuild.store.disk import DiskStore
from tests.makers.actions import Recorder
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.images import LAYERS, load_image, make_index, make_manifest
from tests.makers.registry_faults import FailOnce

pytestmark = pytest.mark.services

HASH = "0" * 32
QUICK = Patience(pause=0.001)
PER_IMAGE = Naming()


@pytest.fixture
def name() -> RegistryName:
    """A place of this test's own in whatever registry; the host is filled in."""
    return RegistryName("localhost", f"t{uuid4().hex}")


@pytest.fixture
def gate(registry: str) -> Iterator[Gate]:
    with open_gate(Gate(registry)) as gate:
        yield gate


def publisher(
    host: str, store: DiskStore, name: RegistryName, naming: Naming = PER_IMAGE
) -> RegistryPublisher:
    client = RegistryClient(HttpClient(patience=QUICK), host, DockerCredentials({}))
    return RegistryPublisher(client, store, Silent(), below=RegistryName(host, name.path), naming=naming)


def built(store: DiskStore) -> Image:
    return load_image(store, make_manifest(store))


def without_layers(store: DiskStore, folder: Path) -> DiskStore:
    """A store of a machine that has an image's documents but none of its layers."""
    image = built(store)
    bare = DiskStore(folder)
    for part in (*image.documents, image.manifests[0][1].config):
        bare.put(store.read(part.digest))
    return bare


def test_a_name_that_nobody_published_is_missing(registry: str, tmp_path: Path, name: RegistryName) -> None:
    assert publisher(registry, DiskStore(tmp_path), name).exists(HASH) is None


@pytest.mark.parametrize("make", [make_manifest, make_index])
def test_what_is_published_is_pulled_as_it_was(
    make: Callable[[DiskStore], object], registry: str, tmp_path: Path, name: RegistryName
) -> None:
    here, there = DiskStore(tmp_path / "here"), DiskStore(tmp_path / "there")
    image = load_image(here, make_index(here) if make is make_index else make_manifest(here))
    pushed = publisher(registry, here, name).publish(HASH, image)
    assert pushed.digest == image.digest
    assert pushed.bytes == sum(part.digest.size for part in image.blobs)

    root = publisher(registry, there, name).pull(HASH)
    assert root.digest == image.digest
    LocalImages(there.root, there).publish("env", root)
    require_valid(root, lambda digest: there.path(digest).open("rb"))


def test_a_second_publish_sends_nothing(gate: Gate, tmp_path: Path, name: RegistryName) -> None:
    store = DiskStore(tmp_path)
    publisher(gate.host, store, name).publish(HASH, built(store))
    gate.asked.clear()
    pushed = publisher(gate.host, store, name).publish(HASH, built(store))
    assert (pushed.blobs, pushed.bytes, pushed.mounted) == (0, 0, 0)
    assert [asked.method for asked in gate.asked] == ["GET"]


def test_an_empty_machine_mounts_what_the_pool_has(gate: Gate, tmp_path: Path, name: RegistryName) -> None:
    store = DiskStore(tmp_path / "full")
    image = built(store)
    publisher(gate.host, store, name).publish(HASH, image)
    gate.asked.clear()
    bare = without_layers(store, tmp_path / "bare")
    pushed = publisher(gate.host, bare, name).publish("1" * 32, image)
    # The config alone: it is never in the pool.
    assert (pushed.blobs, pushed.mounted) == (1, len(LAYERS))
    assert gate.count("GET", "/blobs/") == 0


def test_a_layer_that_nobody_has_is_named(registry: str, tmp_path: Path, name: RegistryName) -> None:
    store = DiskStore(tmp_path / "full")
    image = built(store)
    bare = without_layers(store, tmp_path / "bare")
    with pytest.raises(RegistryError, match="neither the store nor") as caught:
        publisher(registry, bare, name).publish(HASH, image)
    assert "envbuild build --push" in caught.value.hint
    assert publisher(registry, bare, name).exists(HASH) is None


def test_only_a_changed_layer_is_sent(registry: str, tmp_path: Path, name: RegistryName) -> None:
    store = DiskStore(tmp_path)
    publisher(registry, store, name).publish(HASH, built(store))
    changed = load_image(store, make_manifest(store, (LAYERS[0], {"srv/two": b"changed\n"})))
    pushed = publisher(registry, store, name).publish("1" * 32, changed)
    manifest = changed.manifests[0][1]
    assert pushed.bytes == manifest.layers[1].digest.size + manifest.config.digest.size
    assert pushed.mounted == 1


def refuse_mounts(asked: Asked) -> Answer | None:
    if "mount=" in asked.target:
        return Answer(202, b"", {"Location": f"{asked.path}none"})
    return None


def test_a_registry_without_mounts_gets_plain_uploads(
    registry: str, tmp_path: Path, name: RegistryName
) -> None:
    store, gate = DiskStore(tmp_path / "full"), Gate(registry)
    image = built(store)
    with open_gate(gate):
        publisher(registry, store, name).publish(HASH, image)
        gate.before = refuse_mounts
        # The bytes lie in the pool only: they are fetched to be sent.
        bare = without_layers(store, tmp_path / "bare")
        pushed = publisher(gate.host, bare, name).publish("1" * 32, image)
    assert pushed.mounted == 0
    assert pushed.bytes == sum(part.digest.size for part in image.blobs)
    found = publisher(registry, store, name).exists("1" * 32)
    assert found
    assert found.digest == image.digest


def test_one_repository_for_all_needs_no_pool(gate: Gate, tmp_path: Path, name: RegistryName) -> None:
    store, naming = DiskStore(tmp_path), Naming("envs:env_{hash}")
    publisher(gate.host, store, name, naming).publish(HASH, built(store))
    changed = load_image(store, make_manifest(store, (LAYERS[0], {"srv/two": b"changed\n"})))
    pushed = publisher(gate.host, store, name, naming).publish("1" * 32, changed)
    assert pushed.blobs == 2  # layer and config
    assert gate.count("POST", "mount=") == 0
    assert publisher(gate.host, store, name, naming).exists(HASH)


def test_the_first_publisher_wins(gate: Gate, tmp_path: Path, name: RegistryName) -> None:
    """The other one publishes while our blobs are on their way."""
    store = DiskStore(tmp_path)
    ours = built(store)
    theirs = load_image(store, make_manifest(store, LAYERS[:1]))
    other = publisher(gate.upstream, store, name)
    done = threading.Event()

    def publish_theirs(asked: Asked) -> Answer | None:
        if asked.method == "PUT" and "/uploads/" in asked.path and not done.is_set():
            done.set()
            other.publish(HASH, theirs)
        return None

    gate.before = publish_theirs
    pushed = publisher(gate.host, store, name).publish(HASH, ours)
    assert done.is_set()
    assert pushed.digest == theirs.digest


def test_another_image_under_the_name_is_refused(registry: str, tmp_path: Path, name: RegistryName) -> None:
    """It says itself what it is of: somebody moved the tag, or something in between mixes up its answers."""
    here, there = DiskStore(tmp_path / "here"), DiskStore(tmp_path / "there")
    other = load_image(here, make_manifest(here, annotations={DEFINITION: "sha256:" + "1" * 64}))
    client = RegistryClient(HttpClient(), registry, DockerCredentials({}))
    below = RegistryName(registry, name.path)
    mixed_up = RegistryPublisher(client, here, Silent(), below=below, naming=Naming("envs:{hash}"))
    mixed_up.publish("1" * 32, other)
    client.write_manifest(f"{name.path}/envs", HASH, here.read(other.digest), other.root.media_type)
    to = publisher(registry, there, name, Naming("envs:{hash}"))
    assert to.exists("1" * 32)
    for ask in (to.exists, to.pull, lambda name_hash: to.publish(name_hash, other)):
        with pytest.raises(RegistryError, match="is another image: its definition is `sha256:1111"):
            ask(HASH)
    assert not there.has(other.digest)


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "docker login"), (403, "ask for access"), (500, "later")]
)
def test_a_registry_that_cannot_be_asked_is_an_error(
    status: int, advice: str, gate: Gate, tmp_path: Path, name: RegistryName
) -> None:
    gate.before = lambda asked: Answer(status, b"{}")
    with pytest.raises(RegistryStatusError) as caught:
        publisher(gate.host, DiskStore(tmp_path), name).exists(HASH)
    assert caught.value.status == status
    assert advice in caught.value.hint


def test_a_registry_that_is_down_is_an_error(tmp_path: Path, name: RegistryName) -> None:
    with pytest.raises(RegistryError, match="cannot be reached"):
        publisher("127.0.0.1:1", DiskStore(tmp_path), name).exists(HASH)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_passing_failures_are_tried_again(
    status: int, gate: Gate, tmp_path: Path, name: RegistryName
) -> None:
    here, there = DiskStore(tmp_path / "here"), DiskStore(tmp_path / "there")
    image = built(here)
    gate.before = FailOnce(status)
    assert publisher(gate.host, here, name).publish(HASH, image).digest == image.digest
    gate.before = FailOnce(status)
    assert publisher(gate.host, there, name).pull(HASH).digest == image.digest


def test_wrong_bytes_never_enter_the_store(gate: Gate, tmp_path: Path, name: RegistryName) -> None:
    here, there = DiskStore(tmp_path / "here"), DiskStore(tmp_path / "there")
    image = built(here)
    publisher(gate.host, here, name).publish(HASH, image)
    layer = image.layers[0].digest

    def swap(asked: Asked, answer: Answer) -> Answer:
        if asked.method == "GET" and str(layer) in asked.path:
            return Answer(200, bytes(len(answer.body)))
        return answer

    gate.after = swap
    with pytest.raises(RegistryError, match="other bytes than its digest"):
        publisher(gate.host, there, name).pull(HASH)
    assert not there.has(layer)
    assert not list(there.temporary.iterdir())


def test_a_wrong_manifest_is_refused(gate: Gate, tmp_path: Path, name: RegistryName) -> None:
    here, there = DiskStore(tmp_path / "here"), DiskStore(tmp_path / "there")
    publisher(gate.host, here, name).publish(HASH, built(here))
    gate.after = lambda asked, answer: Answer(answer.status, answer.body + b" ", answer.headers)
    with pytest.raises(RegistryError, match="other bytes than its digest"):
        publisher(gate.host, there, name).pull(HASH)


def test_what_is_no_image_of_ours_is_refused(registry: str, tmp_path: Path, name: RegistryName) -> None:
    """Such as an artifact that somebody pushed under the name, with a media type of its own."""
    with ExitStack() as stack:
        gate = stack.enter_context(open_gate(Gate(registry)))
        gate.before = lambda asked: Answer(200, b"{}", {"Content-Type": "application/json"})
        with pytest.raises(RegistryError, match="is no image of ours"):
            publisher(gate.host, DiskStore(tmp_path), name).pull(HASH)


def test_progress_ends_with_the_whole_size(registry: str, tmp_path: Path, name: RegistryName) -> None:
    store, events = DiskStore(tmp_path), Recorder()
    client = RegistryClient(HttpClient(), registry, DockerCredentials({}))
    below = RegistryName(registry, name.path)
    image = built(store)
    RegistryPublisher(client, store, events, below=below).publish(HASH, image)
    ends = {getattr(event, "name", ""): event for event in events.events}
    for part in image.blobs:
        event = ends[str(part.digest)[:19]]
        assert (getattr(event, "done", 0), getattr(event, "total", 0)) == (part.digest.size, part.digest.size)


@pytest.mark.parametrize("template", ["envs/env", "Envs/{hash}", "envs/{hash}:", "{hash}:a/b"])
def test_templates_that_name_no_image_are_refused(template: str) -> None:
    if template == "envs/{hash}:":
        assert Naming(template).place(HASH) == (f"envs/{HASH}", "latest")
        return
    with pytest.raises(UsageError):
        Naming(template)


def test_an_engine_pulls_what_is_published(
    registry: str, engine: str, tmp_path: Path, name: RegistryName
) -> None:
    """Its ID for the image is the config's digest: every layer was taken for what it is."""
    store = DiskStore(tmp_path)
    image = built(store)
    publisher(registry, store, name).publish(HASH, image)
    client = docker.DockerClient(base_url=engine)
    pulled = client.images.pull(f"{registry}/{name.path}/envs/env_{HASH}", tag="latest")
    client.close()
    assert pulled.id == str(image.manifests[0][1].config.digest)
