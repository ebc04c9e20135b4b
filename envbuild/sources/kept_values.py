"""What was learned of files, kept on disk by sha256: locking again, or for another target, asks nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from envbuild.core.wire import parse_json
from envbuild.sources.kept_file import keep

_T = TypeVar("_T")


class KeptValues(Generic[_T]):
    """A folder with a JSON file per value. Safe for several processes; a broken file counts as none.

    `encode` makes JSON of a value; `decode` reads it, and raises ValueError or TypeError for anything else.
    """

    def __init__(self, folder: Path, encode: Callable[[_T], object], decode: Callable[[Any], _T]) -> None:
        self._folder = folder
        self._encode = encode
        self._decode = decode

    def get(self, sha256: str, load: Callable[[], _T]) -> _T:
        """What is known of a file, else what `load` tells, which is kept."""
        path = self._folder / f"{sha256}.json"
        if (known := self._read(path)) is not None:
            return known
        loaded = load()
        keep(path, self._encode(loaded))
        return loaded

    def _read(self, path: Path) -> _T | None:
        try:
            return self._decode(parse_json(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
