"""What sandboxes leave in a cache, and what of it may go: unpacked layers, cache folders, logs, failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import BuildError
from envbuild.execute import steps
from envbuild.execute.sandbox import caches, roots, sandbox
from envbuild.execute.sandbox.identity import find_identity
from envbuild.store.gc import Limits
from envbuild.store.lease import exclusive_lease

FOLDERS: Final = (roots.FOLDER, caches.FOLDER, sandbox.FOLDER, steps.FAILED, steps.LOGS)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Something that may go: `used` in seconds since the epoch, `size` in bytes as far as it is known."""

    path: Path
    used: float
    size: int = 0


def prune(cache: Path, limits: Limits, now: float) -> int:
    """Remove what `limits` do not keep, and returns the bytes of unpacked layers; `now` in seconds.

    Raises StoreError, with nothing removed, while a build runs.
    """
    with exclusive_lease(cache):
        layers = sorted(_layers(cache), key=lambda kept: (-kept.used, kept.path.name))
        doomed, total = [], 0
        for kept in layers:
            total += kept.size
            if now - kept.used > limits.age or total > limits.size:
                doomed.append(kept)
        freed = sum(kept.size for kept in doomed)
        doomed += [kept for kept in _others(cache) if now - kept.used > limits.age]
        remove_all([kept.path for kept in doomed])
    return freed


def clear(cache: Path, *others: str) -> None:
    """Remove all that sandboxes left in a cache, and other folders of it in which there are such caches."""
    remove_all([cache / name for name in (*FOLDERS, *others)])


def remove_all(paths: Sequence[Path]) -> None:
    """Remove files and folders, whoever of our identity owns what is in them; others' stay."""
    folders = [path for path in paths if path.is_dir() and not path.is_symlink()]
    with suppress(BuildError):
        roots.remove_below(folders, find_identity())
    for path in paths:
        with suppress(OSError):
            if path in folders:
                path.rmdir()
            else:
                path.unlink(missing_ok=True)


def _layers(cache: Path) -> Iterator[_Kept]:
    """Unpacked layers; those of an earlier start of the machine are as old as can be."""
    boot = roots.read_boot()
    for path in (cache / roots.FOLDER).glob("*/*/*"):
        current = path.parents[1].name == boot and path.name != roots.DRAFT
        with suppress(OSError):  # gone meanwhile
            if path.is_dir():
                yield _Kept(path, path.stat().st_mtime if current else 0, _read_size(path))


def _read_size(layer: Path) -> int:
    try:
        return int((layer / roots.SIZE).read_text())
    except (OSError, ValueError):
        return 0


def _others(cache: Path) -> Iterator[_Kept]:
    """Cache folders by the time of their last use, and failures and logs.

    The notes on an engine's volumes stay as long as these (docker/volumes.py).
    """
    for used in (cache / caches.FOLDER).glob(f"*/*{caches.USED}"):
        if used.parent.name == caches.OF_ENGINE:
            continue
        with suppress(OSError):
            time = used.stat().st_mtime
            yield _Kept(used.with_suffix(""), time)
            yield _Kept(used, time)
    for folder in (steps.FAILED, steps.LOGS, sandbox.FOLDER):
        for path in (cache / folder).glob("*"):
            with suppress(OSError):
                yield _Kept(path, path.lstat().st_mtime)
