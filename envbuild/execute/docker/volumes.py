"""Cache mounts of steps in an engine: volumes with our label. When they were used, a cache notes itself.

Only volumes with both, the label and a note in this cache, are ever removed: others are another cache's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envbuild.core.dataclass import dataclass
from envbuild.execute.sandbox.caches import FOLDER, OF_ENGINE, USED
from envbuild.sources.engine import EngineError, glance_at_engine

if TYPE_CHECKING:
    import docker

LABEL: Final = "dev.envbuild.cache"  # its value is the id that steps give the mount
PREFIX: Final = "envbuild-cache-"


@dataclass(frozen=True, slots=True)
class CacheVolume:
    """A cache mount in the engine; `used` in seconds since the epoch, None where this cache never did."""

    id: str
    name: str
    used: float | None


def list_volumes(cache: Path, address: str = "") -> list[CacheVolume]:
    """All cache mounts in the engine, by id; none where no engine answers at once."""
    with suppress(EngineError), glance_at_engine(address) as client:
        return [] if client is None else _find(client, cache)
    return []


def remove_volumes(cache: Path, is_old: Callable[[float], bool], address: str = "") -> int:
    """Remove those that this cache used, and a container does not, as `is_old` says of when that was.

    Returns how many went. The caller holds the cache's lease, so that no build begins to use one.
    """
    count = 0
    with suppress(EngineError), glance_at_engine(address) as client:
        if client is not None:
            old = [each for each in _find(client, cache) if each.used is not None and is_old(each.used)]
            for volume in old:
                if _remove(client, volume.name):
                    _note(cache, volume.name).unlink(missing_ok=True)
                    count += 1
    return count


def _find(client: docker.DockerClient, cache: Path) -> list[CacheVolume]:
    found = client.volumes.list(filters={"label": LABEL})
    named = [(str((volume.attrs["Labels"] or {})[LABEL]), str(volume.name)) for volume in found]
    return [CacheVolume(label, name, _read_use(cache, name)) for label, name in sorted(named)]


def _read_use(cache: Path, name: str) -> float | None:
    try:
        return _note(cache, name).stat().st_mtime
    except OSError:
        return None


def _note(cache: Path, name: str) -> Path:
    return cache / FOLDER / OF_ENGINE / (name.removeprefix(PREFIX) + USED)


def _remove(client: docker.DockerClient, name: str) -> bool:
    """Whether it went: one that a container has stays."""
    import docker

    try:
        client.volumes.get(name).remove()
    except docker.errors.APIError:
        return False
    return True
