"""Control groups: limits of all processes of a step together (cgroup-v2.rst, cgroup-v1/memory.rst).

A group is made where the kernel lets us: as root, or below what a user's own systemd delegates. Only
controllers that are on already are used; nothing of the machine's own groups is changed.
"""

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
from envbuild.execute.sandbox.sandbox import Limits

DOOR: Final = "cgroup.procs"  # who writes there is in the group
_NAME: Final = "envbuild-"
_MEMORY, _PROCESSES = "memory", "pids"
_LIMITS: Final = {
    _MEMORY: ("memory.max", "memory.limit_in_bytes"),
    _PROCESSES: ("pids.max",),
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
    """A group with these limits, where `find_homes` says; it goes with the block. Raises BuildError."""
    stated = {_MEMORY: limits.memory, _PROCESSES: limits.processes}
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


def find_homes(proc: Path = Path("/proc/self")) -> Mapping[str, Path] | None:
    """Where groups with limits of memory and of processes can be made, by controller; None for nowhere."""
    mounts = _read_mounts(proc / "mountinfo")
    ours = [line.split(":", 2) for line in (proc / "cgroup").read_text().splitlines()]
    for hierarchy, _, path in ours:
        if hierarchy == "0" and (home := _find_unified(mounts.get(""), path)):
            return dict.fromkeys(_LIMITS, home)
    homes: dict[str, Path] = {}
    for _, kinds, path in ours:
        for kind in _LIMITS.keys() & kinds.split(","):
            if (home := _find_place(mounts.get(kind), path)) and _may_make(home):
                homes[kind] = home
    return homes if homes.keys() == _LIMITS.keys() else None


_Mount = tuple[str, str]  # the folder of the hierarchy that is mounted, and where


def _read_mounts(path: Path) -> dict[str, _Mount]:
    """The mounted hierarchies by controller, "" for that of version 2 (proc_pid_mountinfo(5))."""
    found: dict[str, _Mount] = {}
    for line in path.read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, place = before.split(" ")[3:5]
        kind, _, options = after.split(" ", 2)
        for controller in {"cgroup2": [""], "cgroup": options.split(",")}.get(kind, ()):
            found.setdefault(controller, (root, place))
    return found


def _find_place(mount: _Mount | None, path: str) -> Path | None:
    """The folder of the group `path`, where that is to be seen."""
    if mount is None or ".." in path.split("/"):
        return None
    root, place = mount
    below = path.removeprefix(root) if root != "/" else path
    return Path(place) / below.lstrip("/")


def _find_unified(mount: _Mount | None, path: str) -> Path | None:
    """Where groups can be made beside ours, or below it.

    A group whose own processes are in it has no limits for groups below (cgroup-v2.rst, "No Internal
    Process Constraint"), so this is mostly beside.
    """
    own = _find_place(mount, path)
    if own is None or mount is None:
        return None
    for home in (own, own.parent):
        if home.is_relative_to(mount[1]) and _passes_on(home) and _may_make(home):
            return home
    return None


def _passes_on(home: Path) -> bool:
    try:
        return _LIMITS.keys() <= set((home / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False


def _may_make(home: Path) -> bool:
    """Whether groups can be made there, and processes of ours be put into them."""
    return os.access(home, os.W_OK) and os.access(home / DOOR, os.W_OK)


def _write_limit(kind: str, folder: Path, limit: int) -> None:
    for name in _LIMITS[kind]:
        if (folder / name).exists():
            (folder / name).write_text(str(limit))
    if kind == _MEMORY:
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
