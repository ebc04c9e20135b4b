"""Wheels' metadata by sha256, kept on disk: locking again, or for another target, asks nobody."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.wire import parse_json
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
        _write(path, loaded)
        return loaded


def _read(path: Path) -> WheelMetadata | None:
    try:
        size, text = parse_json(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return None
    return WheelMetadata(size, text) if isinstance(size, int) and isinstance(text, str) else None


def _write(path: Path, metadata: WheelMetadata) -> None:
    """Keep it; where the disk does not let us, the next time asks again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump([metadata.size, metadata.text], file)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return
