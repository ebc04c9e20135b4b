"""Control groups: limits of all processes of a step together (cgroup-v2.rst, cgroup-v1/memory.rst)."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.homes import DOOR, MEMORY, PROCESSES
from envbuild.execute.sandbox.sandbox import Limits

_NAME: Final = "envbuild-"
_LIMITS: Final = {
    MEMORY: ("memory.max", "memory.limit_in_bytes"),
    PROCESSES: ("pids.max",),
}
_SWAP: Final = (("memory.swap.max", 0), ("memory.memsw.limit_in_bytes", 1))  # times the limit of memory
_KILLS: Final = ("memory.events", "memory.oom_control")
_POLL: Final = 0.005  # seconds between tries to remove a group, which the kernel keeps until all have left
_GRACE: Final = 10.0
_numbers: Final = count()


@dataclass(frozen=True, slots=True)
class Group:
    """The group of one step: a folder for each hierarchy, one alone in version 2."""

    folders: Sequence[Path]

    @property
    def doors(self) -> tuple[str, ...]:
        """The files that take the numbers of processes."""
        return tuple(str(folder / DOOR) for folder in self.folders)

    def starved(self) -> bool:
        """Whether processes were killed because all together wanted more memory than they may have."""
        counts = (_read_count(folder / name, "oom_kill") for folder in self.folders for name in _KILLS)
        return any(counts)


@contextmanager
def open_group(homes: Mapping[str, Path], limits: Limits) -> Iterator[Group]:
    """A group with these limits, where `prepare_homes` says; it goes with the block. Raises BuildError."""
    stated = {MEMORY: limits.memory, PROCESSES: limits.processes}
    name = f"{_NAME}{os.getpid()}-{next(_numbers)}"
    folders = {kind: homes[kind] / name for kind, limit in stated.items() if limit}
    made = tuple(dict.fromkeys(folders.values()))
    try:
        try:
            for folder in made:
                _remove_left(folder.parent)
                folder.mkdir()
            for kind, folder in folders.items():
                _write_limit(kind, folder, stated[kind])
        except OSError as error:
            raise BuildError(f"the kernel does not take the limits of a step: {error}") from error
        yield Group(made)
    finally:
        for folder in made:
            _remove(folder)


def _write_limit(kind: str, folder: Path, limit: int) -> None:
    for name in _LIMITS[kind]:
        if (folder / name).exists():
            (folder / name).write_text(str(limit))
    if kind == MEMORY:
        for name, times in _SWAP:
            with suppress(FileNotFoundError):  # a kernel that does not count swap
                (folder / name).open("r+").close()
                (folder / name).write_text(str(limit * times))


def _read_count(path: Path, key: str) -> int:
    try:
        words = path.read_text().split()
    except OSError:  # of the other version
        return 0
    return int(words[words.index(key) + 1]) if key in words else 0


def _remove(folder: Path) -> None:
    """Remove a group, as soon as the kernel has buried who was in it."""
    until = time.monotonic() + _GRACE
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                return
            time.sleep(_POLL)
        else:
            return


def _remove_left(home: Path) -> None:
    """Remove the groups of commands that were killed; one with processes stays."""
    for folder in home.glob(f"{_NAME}*"):
        process = folder.name.removeprefix(_NAME).partition("-")[0]
        if not Path("/proc", process).exists():
            with suppress(OSError):
                folder.rmdir()
