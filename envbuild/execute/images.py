"""Builtins that make an image's documents: config and manifest of a platform, index of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from envbuild.archive.layer_info import LayerInfo
from envbuild.core.digest import Digest
from envbuild.core.platform import Platform
from envbuild.execute.builtin import Job
from envbuild.oci.annotations import DEFINITION
from envbuild.oci.config import ImageConfig, Runtime
from envbuild.oci.descriptor import LAYER, MANIFEST, Descriptor
from envbuild.oci.document import Document
from envbuild.oci.index import Index
from envbuild.oci.manifest import Manifest
from envbuild.rule import builtins


def make_image(job: Job) -> None:
    """A platform's config and manifest, from what is known of its layers."""
    owners: list[list[str]] = job.parameters["layers"]
    layers = _read_layers(job, len(owners))
    foreign: list[dict[str, Any]] = job.parameters.get("foreign", [])
    config = ImageConfig(
        platform=Platform.parse(job.parameters["platform"]),
        runtime=Runtime.read(Document(job.parameters["config"], "the image's parameters")),
        diff_ids=(*(layer["diff_id"] for layer in foreign), *(layer.diff_id for layer in layers)),
        history=(*(layer["origin"] for layer in foreign), *(", ".join(names) for names in owners)),
    )
    descriptors = (*map(_describe_foreign, foreign), *(Descriptor(LAYER, layer.digest) for layer in layers))
    manifest = Manifest(config.describe(), descriptors, _annotations(job))
    job.outputs[builtins.CONFIG].write(config.to_bytes())
    job.outputs[builtins.MANIFEST].write(manifest.to_bytes())


def make_index(job: Job) -> None:
    """The index of manifests for several platforms, in the order of the platforms' names."""
    entries = []
    for n, platform in enumerate(job.parameters["platforms"]):
        data = job.inputs[f"{n:03}/{builtins.MANIFEST}"].read_bytes()
        entries.append(Descriptor(MANIFEST, Digest.of(data), Platform.parse(platform)))
    job.outputs[builtins.IMAGE_INDEX].write(Index(tuple(entries), _annotations(job)).to_bytes())


def _describe_foreign(layer: Mapping[str, Any]) -> Descriptor:
    digest = Digest.parse(layer["digest"], layer["size"])
    return Descriptor(layer["media_type"], digest, annotations=layer.get("annotations", {}))


def _read_layers(job: Job, count: int) -> Sequence[LayerInfo]:
    paths = (job.inputs[f"layers/{n:03}/{builtins.LAYER_INFO}"] for n in range(count))
    return [LayerInfo.from_json(path.read_bytes()) for path in paths]


def _annotations(job: Job) -> dict[str, str]:
    return {**job.parameters.get("annotations", {}), DEFINITION: job.definition}
