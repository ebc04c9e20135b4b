"""Images of registries in a lock, as JSON: a layer, a package, a folder each on a line of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from envbuild.core.digest import PREFIX, Digest, parse_sha256
from envbuild.core.errors import EnvbuildError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.lock.artifact_codec import decode_artifact, encode_artifact
from envbuild.lock.base_image import LAYER_TYPES, BaseImage, Folder, Root
from envbuild.lock.fields import BadLock, facts, items, mapping, match, only, text, texts
from envbuild.lock.model import Locked
from envbuild.oci.config import Runtime
from envbuild.oci.document import BadImage, Document

_KEYS = {"named", "manifest", "layers", "config", "facts", "root", "packages", "lazy"}
_TABLES = {"links", "folders", "users", "groups"}
_FOLDER = compile_later(r"([0-7]{4}) (0|[1-9][0-9]{0,9}):(0|[1-9][0-9]{0,9})\Z")
_USER = compile_later(r"(?:0|[1-9][0-9]{0,9}):(?:0|[1-9][0-9]{0,9})\Z")
_GROUP = compile_later(r"(?:0|[1-9][0-9]{0,9})\Z")
_MAX_MANIFEST = 4 << 20


def encode_images(images: Mapping[str, BaseImage]) -> dict[str, Any]:
    """The JSON object: images by reference."""
    return {reference: _encode_image(image) for reference, image in images.items()}


def decode_images(value: object) -> Mapping[str, BaseImage]:
    """Read what `encode_images` gave; raises BadLock."""
    return {
        reference: _decode_image(image, f"`{excerpt(reference)}`")
        for reference, image in mapping(value, "`images`").items()
    }


def _encode_image(image: BaseImage) -> dict[str, Any]:
    return {
        "named": image.named,
        "manifest": [str(image.manifest), image.manifest.size],
        "layers": [encode_artifact(layer) for layer in image.layers],
        "config": dict(image.config),
        "facts": dict(image.facts),
        "packages": list(image.packages),
        **({"lazy": {layer: dict(each) for layer, each in image.lazy.items()}} if image.lazy else {}),
        "root": {
            "links": dict(image.root.links),
            "folders": {path: _encode_folder(folder) for path, folder in image.root.folders.items()},
            "users": dict(image.root.users),
            "groups": dict(image.root.groups),
            **({"alternatives": dict(image.root.alternatives)} if image.root.alternatives else {}),
        },
    }


def _decode_image(value: object, where: str) -> BaseImage:
    table = mapping(value, where)
    only(table, _KEYS, where)
    return BaseImage(
        named=PREFIX + _sha256(table.get("named"), where),
        manifest=_decode_digest(table.get("manifest"), where),
        layers=tuple(_decode_layer(layer) for layer in items(table.get("layers"), f"`layers` of {where}")),
        config=_decode_config(table.get("config"), f"`config` of {where}"),
        facts=facts(table.get("facts"), where),
        root=_decode_root(table.get("root"), where),
        packages=texts(table.get("packages"), f"`packages` of {where}"),
        lazy={
            text(layer, where): _table(stated, f"`lazy` of {where}")
            for layer, stated in mapping(table.get("lazy", {}), f"`lazy` of {where}").items()
        },
    )


def _decode_config(value: object, where: str) -> Mapping[str, Any]:
    """The config as `Runtime` writes it, and nothing that its readers would not understand."""
    stated = mapping(value, where)
    try:
        known = Runtime.read(Document(stated, where)).to_json()
    except BadImage as error:
        raise BadLock(error.message) from None
    if known != stated:
        raise BadLock(f"{where} is not as it was written")
    return stated


def _decode_layer(value: object) -> Locked:
    layer = decode_artifact(value)
    if layer.kind not in LAYER_TYPES:
        raise BadLock(f"the artifact `{layer.name}` is no layer")
    _sha256(layer.version, f"the diff ID of `{layer.name}`")
    return layer


def _decode_root(value: object, where: str) -> Root:
    table = mapping(value, f"`root` of {where}")
    only(table, {*_TABLES, "alternatives"}, where)
    tables = {name: _table(table.get(name), f"`{name}` of {where}") for name in _TABLES}
    folders = {path: _decode_folder(stated) for path, stated in tables["folders"].items()}
    users = {name: match(_USER, ids, "user with a group") for name, ids in tables["users"].items()}
    groups = {name: match(_GROUP, number, "group") for name, number in tables["groups"].items()}
    alternatives = _decode_priorities(table.get("alternatives", {}), f"`alternatives` of {where}")
    return Root(tables["links"], folders, users, groups, alternatives)


def _decode_priorities(value: object, what: str) -> Mapping[str, int]:
    priorities = mapping(value, what)
    if not all(type(each) is int and abs(each) < 1 << 31 for each in priorities.values()):
        raise BadLock(f"{what} is no mapping to priorities")
    return {text(name, what): each for name, each in priorities.items()}


def _encode_folder(folder: Folder) -> str:
    return f"{folder.mode:04o} {folder.uid}:{folder.gid}"


def _decode_folder(stated: str) -> Folder:
    mode, uid, gid = re.split("[ :]", match(_FOLDER, stated, "mode with an owner"))
    return Folder(int(mode, 8), int(uid), int(gid))


def _table(value: object, what: str) -> Mapping[str, str]:
    return {text(key, what): text(each, what) for key, each in mapping(value, what).items()}


def _decode_digest(value: object, where: str) -> Digest:
    pair = items(value, f"`manifest` of {where}")
    if len(pair) != 2 or type(pair[1]) is not int or not 0 < pair[1] <= _MAX_MANIFEST:
        raise BadLock(f"`manifest` of {where} is no digest with its size")
    return Digest(_sha256(pair[0], where), pair[1])


def _sha256(value: object, where: str) -> str:
    try:
        return parse_sha256(text(value, f"a digest of {where}"))
    except EnvbuildError as error:
        raise BadLock(f"{where}: {error.message}") from None
