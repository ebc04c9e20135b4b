"""Wheels' metadata by sha256, kept on disk: locking again, or for another target, asks nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.wire import parse_json
from envbuild.sources.kept_file import keep
from envbuild.sources.wheel_metadata import WheelMetadata


@dataclass(frozen=True, slots=True)
class MetadataCache:
    """A folder with a file per wheel. Safe for several processes; a broken file counts as none."""

    folder: Path

    def get(self, sha256: str, load: Callable[[], WheelMetadata]) -> WheelMetadata:
        """The metadata of a wheel, from the cache, else from `load`."""
        path = self.folder / f"{sha256}.json"
        if (known := _read(path)) is not None:
            return known
        loaded = load()
        keep(path, [loaded.size, loaded.text])
        return loaded


def _read(path: Path) -> WheelMetadata | None:
    try:
        size, text = parse_json(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return None
    return WheelMetadata(size, text) if isinstance(size, int) and isinstance(text, str) else None
