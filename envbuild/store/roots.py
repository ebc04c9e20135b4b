"""What finished images hold on to: `images/*/index.json` -> indexes and manifests -> configs and layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envbuild.core.digest import parse_sha256
from envbuild.core.errors import EnvbuildError, StoreError
from envbuild.core.wire import parse_json
from envbuild.store.disk import DiskStore


def image_folders(store: DiskStore) -> list[Path]:
    """The layouts of finished images, by name."""
    return sorted(path.parent for path in (store.root / "images").glob("*/index.json"))


def reachable(store: DiskStore) -> set[str]:
    """The hex digits of all blobs that images need; raises StoreError where an image cannot be read.

    What an unreadable image needs is unknown, so nothing may be removed then.
    """
    found: set[str] = set()
    for folder in image_folders(store):
        pending = list(_manifests(_load(folder / "index.json")))
        while pending:
            name = pending.pop()
            path = store.blobs / name
            if name not in found and path.exists():
                document = _load(path)
                pending.extend(_manifests(document))
                found.update(_leaves(document))
            found.add(name)
    return found


def _load(path: Path) -> Mapping[str, Any]:
    try:
        document = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from None
    if not isinstance(document, dict):
        raise _unreadable(path, "it is no JSON object")
    return document


def _unreadable(path: Path, why: str) -> StoreError:
    hint = "remove the image's folder below `images`, then try again"
    return StoreError(f"`{path}` cannot be read: {why}", hint=hint)


def _manifests(document: Mapping[str, Any]) -> Iterator[str]:
    """The indexes and manifests that an index names (OCI image-index.md)."""
    yield from _names(document.get("manifests", []))


def _leaves(document: Mapping[str, Any]) -> Iterator[str]:
    """The config and layers that a manifest names (OCI manifest.md)."""
    yield from _names([document["config"]] if "config" in document else [])
    yield from _names(document.get("layers", []))


def _names(descriptors: Any) -> Iterator[str]:
    try:
        for descriptor in descriptors:
            yield parse_sha256(descriptor["digest"])
    except (EnvbuildError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"an image's description is broken: {error}") from None
