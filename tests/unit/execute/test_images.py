"""The documents of an image say what its layers are, in their order, and where it comes from."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from envbuild.archive.layer_info import LayerInfo
from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError
from envbuild.core.platform import Platform
from envbuild.execute.builtin import Job
from envbuild.execute.images import make_image, make_index
from envbuild.oci.config import Runtime
from envbuild.oci.descriptor import INDEX, MANIFEST, Descriptor
from envbuild.oci.validate import check_image
from envbuild.rule.builtins import CONFIG, IMAGE_INDEX, LAYER_INFO
from envbuild.rule.builtins import MANIFEST as MANIFEST_FILE
from envbuild.store.disk import DiskStore
from tests.makers.images import AMD64, ARM64, make_layer

DEFINITION = f"sha256:{'d' * 64}"
RUNTIME = Runtime(
    variables={"PATH": "/opt/env/bin", "EMPTY": ""},
    workdir="/app",
    user="1000:1000",
    entrypoint=("python",),
    command=("main.py",),
    labels={"team": "ours"},
)


class Desk:
    """Runs the builtins on files of a folder, and keeps what they wrote in a store."""

    def __init__(self, folder: Path) -> None:
        self.store = DiskStore(folder / "store")
        self._folder = folder

    def image(
        self, layers: Sequence[LayerInfo], owners: Sequence[Sequence[str]], platform: Platform = AMD64
    ) -> tuple[bytes, bytes]:
        """The config and the manifest."""
        outputs = {CONFIG: io.BytesIO(), MANIFEST_FILE: io.BytesIO()}
        parameters = {"platform": str(platform), "config": RUNTIME.to_json(), "layers": owners}
        inputs = {f"layers/{n:03}/{LAYER_INFO}": layer.to_json() for n, layer in enumerate(layers)}
        make_image(self._job(parameters, {**inputs, "checked": b""}, outputs))
        config, manifest = (output.getvalue() for output in outputs.values())
        return self._keep(config), self._keep(manifest)

    def index(self, manifests: Mapping[str, bytes]) -> bytes:
        outputs = {IMAGE_INDEX: io.BytesIO()}
        inputs = {f"{n:03}/{MANIFEST_FILE}": data for n, data in enumerate(manifests.values())}
        make_index(self._job({"platforms": list(manifests)}, inputs, outputs))
        return self._keep(outputs[IMAGE_INDEX].getvalue())

    def _job(self, parameters: Mapping[str, Any], inputs: Mapping[str, bytes], outputs: Any) -> Job:
        paths = {}
        for name, data in inputs.items():
            paths[name] = self._folder / name
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            paths[name].write_bytes(data)
        return Job(json.loads(json.dumps(parameters)), paths, outputs, DEFINITION)

    def _keep(self, data: bytes) -> bytes:
        self.store.put(data)
        return data

    def violations(self, media_type: str, root: bytes) -> tuple[str, ...]:
        descriptor = Descriptor(media_type, Digest.of(root))
        return check_image(descriptor, lambda digest: self.store.path(digest).open("rb"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# More than ten: their paths must not be sorted as `1`, `10`, `2`.
def test_config_and_manifest_of_a_dozen_layers(desk: Desk) -> None:
    layers = [make_layer(desk.store, {f"file{n}": b"x" * n}) for n in range(12)]
    owners = [["venv"], ["a 1", "b 2"], *([f"p{n}"] for n in range(10))]
    config, manifest = map(json.loads, desk.image(layers, owners))
    assert config == {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": ["EMPTY=", "PATH=/opt/env/bin"],
            "WorkingDir": "/app",
            "User": "1000:1000",
            "Entrypoint": ["python"],
            "Cmd": ["main.py"],
            "Labels": {"team": "ours"},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created_by": line} for line in ("venv", "a 1, b 2", *(f"p{n}" for n in range(10)))],
    }
    assert [layer["digest"] for layer in manifest["layers"]] == [str(layer.digest) for layer in layers]
    assert [layer["size"] for layer in manifest["layers"]] == [layer.digest.size for layer in layers]
    assert manifest["annotations"] == {"dev.envbuild.definition": DEFINITION}


def test_what_is_made_is_right_for_the_checker(desk: Desk) -> None:
    layers = [make_layer(desk.store, {"etc/one": b"1"}), make_layer(desk.store, {"two": b"2"})]
    made = {str(each): desk.image(layers, [["one"], ["two"]], each)[1] for each in (AMD64, ARM64)}
    assert [desk.violations(MANIFEST, manifest) for manifest in made.values()] == [(), ()]
    assert desk.violations(INDEX, desk.index(made)) == ()


def test_index(desk: Desk) -> None:
    # It takes the manifests as they come: which platform is which is the rule's word.
    index = json.loads(desk.index({"linux/arm64": b"one", "linux/amd64": b"other"}))
    assert [(each["digest"], each["size"], each["platform"]) for each in index["manifests"]] == [
        (str(Digest.of(b"one")), 3, {"architecture": "arm64", "os": "linux"}),
        (str(Digest.of(b"other")), 5, {"architecture": "amd64", "os": "linux"}),
    ]
    assert {each["mediaType"] for each in index["manifests"]} == {MANIFEST}
    assert index["annotations"] == {"dev.envbuild.definition": DEFINITION}


def test_equal_inputs_give_equal_bytes(desk: Desk, tmp_path: Path) -> None:
    layers = [make_layer(desk.store, {"one": b"1"})]
    assert desk.image(layers, [["one"]]) == Desk(tmp_path / "other").image(layers, [["one"]])


def test_an_image_of_nothing(desk: Desk) -> None:
    config, manifest = map(json.loads, desk.image([], []))
    assert (config["rootfs"]["diff_ids"], manifest["layers"]) == ([], [])


def test_a_layer_whose_description_is_broken(desk: Desk, tmp_path: Path) -> None:
    info = make_layer(desk.store, {"one": b"1"})
    outputs: Any = {CONFIG: io.BytesIO(), MANIFEST_FILE: io.BytesIO()}
    path = tmp_path / "broken"
    path.write_bytes(info.to_json()[:-1])
    parameters = {"platform": "linux/amd64", "config": RUNTIME.to_json(), "layers": [["one"]]}
    with pytest.raises(ArchiveError, match="malformed"):
        make_image(Job(parameters, {f"layers/000/{LAYER_INFO}": path}, outputs, DEFINITION))
    assert [output.getvalue() for output in outputs.values()] == [b"", b""]
