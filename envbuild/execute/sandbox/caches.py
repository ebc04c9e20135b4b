"""Folders that stay from one step to the next: package managers keep there what they download."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from envbuild.store.file_lock import passing_lock, try_lock

FOLDER: Final = "mounts"
OF_ENGINE: Final = "docker"  # the owner of those that are volumes of an engine
USED: Final = ".used"  # beside each folder, which may be somebody else's: tells when it was used last
SHARED, PRIVATE, LOCKED = "shared", "private", "locked"


class Caches:
    """The cache folders of one identity, by the id that steps give them; `owner` is its name."""

    def __init__(self, cache: Path, owner: str, pause: Callable[[], None]) -> None:
        self._folder = cache / FOLDER / owner
        self._pause = pause

    @contextmanager
    def open(self, name: str, sharing: str) -> Iterator[Path]:
        """The place for the cache of an id; the folder itself is made by who mounts it.

        `shared` is used by many at once, `locked` by one after another, and with `private` each gets
        one that nobody else uses now.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._folder / hashlib.sha256(name.encode()).hexdigest()
        if sharing == LOCKED:
            with passing_lock(place.with_suffix(".lock"), self._pause):
                yield _note_use(place)
        elif sharing == PRIVATE:
            with self._first_free(place) as free:
                yield _note_use(free)
        else:
            yield _note_use(place)

    @contextmanager
    def _first_free(self, place: Path) -> Iterator[Path]:
        for number in count():
            free = place.with_name(f"{place.name}-{number}")
            descriptor = os.open(f"{free}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                if try_lock(descriptor, fcntl.LOCK_EX):
                    yield free
                    return
            finally:
                os.close(descriptor)


def _note_use(place: Path) -> Path:
    place.with_suffix(USED).touch()
    return place
