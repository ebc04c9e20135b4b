"""Telling paths of packages by sha256, kept on disk: locking again, or for another target, asks nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.wire import parse_json
from envbuild.sources.kept_file import keep


@dataclass(frozen=True, slots=True)
class PathCache:
    """A folder with a file per package. Safe for several processes; a broken file counts as none."""

    folder: Path

    def get(self, sha256: str, load: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """The paths of a package, from the cache, else from `load`."""
        path = self.folder / f"{sha256}.json"
        if (known := _read(path)) is not None:
            return known
        loaded = load()
        keep(path, list(loaded))
        return loaded


def _read(path: Path) -> tuple[str, ...] | None:
    try:
        values = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    sound = isinstance(values, list) and all(isinstance(each, str) for each in values)
    return tuple(values) if sound else None
