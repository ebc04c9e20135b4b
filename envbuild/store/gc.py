"""Upkeep of a store: what is in it, what may go, and whether it is what it says.

Kept: all that a finished image needs, and the rest while it is young. A blob's age counts from
when it was last written or read, as far as the file system keeps access times (`relatime`, the
usual mount option, keeps them to the day).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from envbuild.store.lease import exclusive_lease
from envbuild.store.roots import image_folders, reachable
from envbuild.store.temporary import sweep

_CHUNK = 1 << 20
FETCHED = ("metadata", "debian", "channels")  # what sources keep there is hidden until it is whole


@dataclass(frozen=True, slots=True)
class Usage:
    """What a store holds; `size` in bytes."""

    images: int
    blobs: int
    size: int
    actions: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What of the blobs that no image needs is kept: at most this old (seconds), this many bytes."""

    age: float
    size: int


@dataclass(frozen=True, slots=True)
class Freed:
    """What a clean-up removed; `size` in bytes, leftovers of killed processes included."""

    blobs: int
    size: int
    actions: int


@dataclass(frozen=True, slots=True)
class Verified:
    """How many blobs were read, and the hex digits of those that were wrong and set aside."""

    blobs: int
    size: int
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Blob:
    path: Path
    size: int
    used: float  # seconds since the epoch


def info(store: DiskStore, cache: DiskActionCache) -> Usage:
    """Count what is there."""
    blobs = list(_blobs(store))
    actions = sum(1 for _ in cache.entries())
    return Usage(len(image_folders(store)), len(blobs), sum(blob.size for blob in blobs), actions)


def gc(store: DiskStore, cache: DiskActionCache, limits: Limits, now: float) -> Freed:
    """Remove what no image needs and `limits` do not keep; `now` in seconds since the epoch.

    Raises StoreError, with nothing removed, while a build runs or where an image cannot be read.
    """
    with exclusive_lease(store.root):
        kept = reachable(store)
        spare = [blob for blob in _blobs(store) if blob.path.name not in kept]
        doomed = list(_beyond(spare, limits, now))
        for blob in doomed:
            blob.path.unlink(missing_ok=True)
        freed = sum(blob.size for blob in doomed) + _sweep(store) + _empty(store.quarantine)
        return Freed(len(doomed), freed, _forget_broken(store, cache))


def verify(store: DiskStore) -> Verified:
    """Read every blob again; a wrong one is set aside, so that it gets made anew."""
    count, size, wrong = 0, 0, []
    for blob in _blobs(store):
        count, size = count + 1, size + blob.size
        if _hash(blob.path) not in (blob.path.name, ""):
            store.set_aside(blob.path.name)
            wrong.append(blob.path.name)
    return Verified(count, size, tuple(wrong))


def _blobs(store: DiskStore) -> Iterator[_Blob]:
    if not store.blobs.is_dir():
        return
    for path in sorted(store.blobs.iterdir()):
        try:
            found = path.stat()
        except OSError:  # gone meanwhile
            continue
        yield _Blob(path, found.st_size, max(found.st_mtime, found.st_atime))


def _beyond(spare: list[_Blob], limits: Limits, now: float) -> Iterator[_Blob]:
    """Those too old, or beyond the size when the last used ones are kept first."""
    total = 0
    for blob in sorted(spare, key=lambda blob: (-blob.used, blob.path.name)):
        total += blob.size
        if now - blob.used > limits.age or total > limits.size:
            yield blob


def _forget_broken(store: DiskStore, cache: DiskActionCache) -> int:
    """Drop results that cannot be used any more: unreadable, or with outputs that are gone."""
    broken = [
        row for row, result in cache.entries() if result is None or store.missing(result.outputs.values())
    ]
    for row in broken:
        cache.drop(row)
    return len(broken)


def _sweep(store: DiskStore) -> int:
    """Remove what killed processes left, also what has no lock: nobody else is here now."""
    drafts = {path.parent for folder in FETCHED for path in (store.root / folder).glob("**/.*")}
    return store.sweep() + sum(sweep(folder, ".") for folder in sorted(drafts))


def _empty(folder: Path) -> int:
    freed = 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        freed += path.stat().st_size
        path.unlink()
    return freed


def _hash(path: Path) -> str:
    """The hex digits of a file's content; "" where it is gone meanwhile."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()
