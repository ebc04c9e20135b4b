"""Files that a user names: written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from envbuild.core.errors import StoreError
from envbuild.store.temporary import draft


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that appears whole or not at all, with the mode of what it replaces; raises StoreError.

    A link stays, and its target is written. What is no file, such as a pipe, gets the bytes as they come.
    """
    try:
        with _open(path) as file:
            for piece in pieces:
                file.write(piece)
    except OSError as error:
        raise StoreError(
            f"cannot write `{path}`: {error.strerror}",
            hint="name another file, or check its folder",
        ) from error


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    place = Path(os.path.realpath(path))
    with draft(place) as file:
        if place.exists():
            os.fchmod(file.fileno(), place.stat().st_mode & 0o7777)
        yield file
