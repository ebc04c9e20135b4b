"""Answers the question which images references name: digests, configuration, and what is in their files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from envbuild.archive.apt_suites import find_suites
from envbuild.archive.decompress import open_layer
from envbuild.archive.root_facts import (
    find_alternatives,
    find_facts,
    find_groups,
    find_packages,
    find_status,
    find_users,
    is_telling,
)
from envbuild.archive.root_scan import RootScan
from envbuild.core.digest import PREFIX, Digest
from envbuild.core.errors import ArchiveError, EnvbuildError, RegistryError, ResolveError, SpecError
from envbuild.core.platform import Platform
from envbuild.core.text import excerpt
from envbuild.lock.base_image import LAYER_TYPES, LAZY, BaseImage, Folder, Root
from envbuild.lock.check_image import FILE, GENERATION
from envbuild.lock.model import Download, ImageQuestion, Locked, PlatformLock
from envbuild.lock.registries import Registries, locked_file
from envbuild.oci.config import ImageConfig
from envbuild.oci.descriptor import INDEXES, MANIFESTS, Descriptor, read_platform
from envbuild.oci.document import MAX_SIZE, BadImage, Document
from envbuild.oci.manifest import Manifest
from envbuild.oci.reference import ImageName, Reference
from envbuild.sources.registry import RegistryClient, RegistryStatusError

FetchLayer = Callable[[Locked], Path]
Keep = Callable[[Download], Digest]

_ACCEPTED: Final = (*MANIFESTS, *INDEXES)
_MISSING: Final = 404
_DOCKER_LAYERS: Final = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar": "tar",
}
# Layers that only their makers may hand out ("foreign" to Docker): registries need not have them.
_BOUND: Final = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)
_KINDS: Final = {media_type: kind for kind, media_type in LAYER_TYPES.items()} | _DOCKER_LAYERS


def resolve_images(
    question: ImageQuestion, registries: Registries, fetch: FetchLayer, keep: Keep
) -> PlatformLock:
    """The images and downloads; images that are locked stay unless an upgrade names them.

    `fetch` brings a layer or a config into the store, `keep` a download. Raises ResolveError,
    SourceError, RegistryError.
    """
    known = question.known.images if question.known else {}
    images = {
        reference: known[reference]
        if reference in known and not _moves(question, reference)
        else _resolve(reference, question.platform, registries, fetch)
        for reference in sorted(question.references)
    }
    return PlatformLock(tuple(_lock_downloads(question, keep)), facts=_facts(question), images=images)


def _lock_downloads(question: ImageQuestion, keep: Keep) -> Iterator[Locked]:
    """Named by the last part of their URLs; a checksum that stays keeps what is locked."""
    before = question.known.artifacts if question.known else ()
    known = {Download(each.file, each.sha256): each for each in before if each.kind == FILE}
    for download in question.downloads:
        if download in known:
            yield known[download]
            continue
        size = keep(download).size
        last = re.sub("[^a-z0-9+._-]", "-", download.url.rpartition("/")[2].lower()[:60]).lstrip("+._-")
        name = f"{last or 'file'}-{Digest.of(download.url.encode()).hash[:8]}"
        yield Locked(FILE, name, download.sha256[:12], "", download.url, download.sha256, size)


def look_up(reference: str, registries: Registries) -> str:
    """The digest that a reference names now; "" for one by digest, and where nobody can be asked."""
    name = ImageName.parse(reference)
    if name.digest:
        return ""
    try:
        place = registries.locate(name)
        named, _ = registries.client(place.host).read_manifest(place.repository, place.tag, _ACCEPTED)
    except EnvbuildError:
        return ""
    return str(named.digest)


def _moves(question: ImageQuestion, reference: str) -> bool:
    return question.upgrade is None or reference in question.upgrade


def _facts(question: ImageQuestion) -> dict[str, str]:
    """How often the networked steps were told to run again."""
    if not question.networked:
        return {}
    before = int((question.known.facts if question.known else {}).get(GENERATION, "0"))
    return {GENERATION: str(before + 1 if question.upgrade is None or not before else before)}


def _resolve(reference: str, platform: Platform, registries: Registries, fetch: FetchLayer) -> BaseImage:
    try:
        return _read_image(ImageName.parse(reference), platform, registries, fetch)
    except (BadImage, ArchiveError, SpecError) as error:
        raise ResolveError(f"`{reference}`: {error.message}", hint=error.hint) from error


def _read_image(name: ImageName, platform: Platform, registries: Registries, fetch: FetchLayer) -> BaseImage:
    place = registries.locate(name)
    client = registries.client(place.host)
    named, data = _read_named(client, place, name)
    chosen = named.digest
    if named.media_type in INDEXES:
        chosen = _choose(data, platform)
        _, data = client.read_manifest(place.repository, str(chosen), MANIFESTS)
    manifest = Manifest.parse(data)
    config = _read_config(manifest, name, platform, fetch)
    layers = _lock_layers(manifest, config, name)
    root = _scan(layers, fetch)
    facts = find_facts(root)
    suites = find_suites(root, facts.get("suite", ""), platform.debian)
    return BaseImage(
        named=str(named.digest),
        manifest=chosen,
        layers=layers,
        config=config.runtime.to_json(),
        facts={**facts, **find_status(root), **suites},
        root=_describe(root),
        packages=find_packages(root),
        lazy=dict(_find_lazy(manifest)),
    )


def _find_lazy(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, str]]]:
    for layer in manifest.layers:
        if found := {name: text for name, text in layer.annotations.items() if name.startswith(LAZY)}:
            yield layer.digest.hash, found


def _read_named(client: RegistryClient, place: Reference, name: ImageName) -> tuple[Descriptor, bytes]:
    try:
        return client.read_manifest(place.repository, place.tag, _ACCEPTED)
    except RegistryStatusError as error:
        if error.status != _MISSING:
            raise
        hint = "check its repository and its tag"
        raise RegistryError(f"`{client.host}` has no image `{name}`", hint=hint) from error


def _choose(data: bytes, platform: Platform) -> Digest:
    """The manifest for a platform that an index lists, among those for platforms unknown to us."""
    entries = Document.parse(data, "an index").parts("manifests")
    offered = {found: entry for entry in entries if (found := _platform_of(entry))}
    if platform not in offered:
        listed = ", ".join(f"`{each}`" for each in sorted(offered)) or "none that is known here"
        raise BadImage(f"the image is not for `{platform}`", hint=f"it is for {listed}")
    return Descriptor.read(offered[platform]).digest


def _platform_of(entry: Document) -> Platform | None:
    try:
        return read_platform(entry.part("platform")) if entry.has("platform") else None
    except EnvbuildError:
        return None


def _read_config(manifest: Manifest, name: ImageName, platform: Platform, fetch: FetchLayer) -> ImageConfig:
    source, file = locked_file(name)
    digest = manifest.config.digest
    if digest.size > MAX_SIZE:
        raise BadImage(f"its config has {digest.size} bytes")
    blob = Locked("tar", "config", str(digest), source, file, digest.hash, digest.size)
    config = ImageConfig.parse(fetch(blob).read_bytes())
    if config.platform != platform:
        raise BadImage(
            f"the image is for `{config.platform}`, not for `{platform}`",
            hint="change `platforms`, or name an image that has this one",
        )
    return config


def _lock_layers(manifest: Manifest, config: ImageConfig, name: ImageName) -> tuple[Locked, ...]:
    if len(manifest.layers) != len(config.diff_ids):
        raise BadImage("its manifest and its config do not have the same number of layers")
    source, file = locked_file(name)
    return tuple(
        Locked(_kind(layer), f"layer-{n:03}", diff_id, source, file, layer.digest.hash, layer.digest.size)
        for n, (layer, diff_id) in enumerate(zip(manifest.layers, config.diff_ids, strict=True))
    )


def _kind(layer: Descriptor) -> str:
    if layer.media_type.startswith(_BOUND):
        raise BadImage(
            f"its layer `{layer.digest}` is one that only its maker may distribute",
            hint="name a base without such layers: nobody else may push what stands on them",
        )
    if layer.media_type not in _KINDS:
        raise BadImage(
            f"it has a layer of the media type `{excerpt(layer.media_type)}`",
            hint="convert it with `skopeo copy --format oci`",
        )
    return _KINDS[layer.media_type]


def _scan(layers: tuple[Locked, ...], fetch: FetchLayer) -> RootScan:
    root = RootScan(is_telling)
    for layer in layers:
        contents = hashlib.sha256()
        with fetch(layer).open("rb") as file:
            root.add_layer(open_layer(file, watch=contents.update))
        if PREFIX + contents.hexdigest() != layer.version:
            raise BadImage(
                f"its layer `{PREFIX}{layer.sha256}` is not what its config says: no engine would take it",
                hint="push the image again",
            )
    return root


def _describe(root: RootScan) -> Root:
    """What a lock tells of the root; a name that no text can hold is left out, as nobody can ask for it."""
    folders = root.special_folders().items()
    return Root(
        links={path: real for path, real in root.links_to_folders().items() if (path + real).isprintable()},
        folders={path: Folder(n.mode, n.uid, n.gid) for path, n in folders if path.isprintable()},
        users=find_users(root),
        groups=find_groups(root),
        alternatives=find_alternatives(root),
    )
