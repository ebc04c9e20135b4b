"""Where control groups can be made: as root, below what a user's own systemd delegates, or in a group that is
given to us alone. Nothing of the machine's own groups is changed: there, controllers must be on already.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

DOOR: Final = "cgroup.procs"  # who writes there is in the group
MEMORY, PROCESSES = "memory", "pids"
KINDS: Final = frozenset((MEMORY, PROCESSES))
_PASSED_ON: Final = "cgroup.subtree_control"
_OURS: Final = "envbuild"  # the group of all who were in the one that we divide
_TRIES: Final = 3


def prepare_homes(proc: Path = Path("/proc/self")) -> Mapping[str, Path] | None:
    """What `find_homes` says, but where our own group is given to us alone, this is divided first."""
    homes = find_homes(proc)
    if homes is not None:
        return homes
    own, top = _find_own(proc)
    if own is None or not _is_given_to_us(own, top) or not _divide(own):
        return None
    return dict.fromkeys(KINDS, own)


def find_homes(proc: Path = Path("/proc/self")) -> Mapping[str, Path] | None:
    """Where groups with limits of memory and of processes can be made, by controller; None for nowhere."""
    own, top = _find_own(proc)
    if own is not None and (home := _find_unified(own, top)):
        return dict.fromkeys(KINDS, home)
    mounts, homes = _read_mounts(proc), dict[str, Path]()
    for _, kinds, path in _read_groups(proc):
        for kind in KINDS & set(kinds.split(",")):
            if (home := _find_place(mounts.get(kind), path)) and _may_make(home):
                homes[kind] = home
    return homes if homes.keys() == KINDS else None


def _read_groups(proc: Path) -> list[list[str]]:
    """Our groups: the hierarchy's number, its controllers, the path (cgroups(7))."""
    return [line.split(":", 2) for line in (proc / "cgroup").read_text().splitlines()]


_Mount = tuple[str, str]  # the folder of the hierarchy that is mounted, and where


def _read_mounts(proc: Path) -> dict[str, _Mount]:
    """The mounted hierarchies by controller, "" for that of version 2 (proc_pid_mountinfo(5))."""
    found: dict[str, _Mount] = {}
    for line in (proc / "mountinfo").read_text().splitlines():
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


def _find_own(proc: Path) -> tuple[Path | None, Path]:
    """Our group of version 2, None for one out of sight, and the first that is to be seen."""
    mount = _read_mounts(proc).get("")
    paths = [path for hierarchy, _, path in _read_groups(proc) if hierarchy == "0"]
    if mount is None or not paths:
        return None, Path("/")
    return _find_place(mount, paths[0]), Path(mount[1])


def _find_unified(own: Path, top: Path) -> Path | None:
    """Where groups can be made beside ours, or below it.

    A group whose own processes are in it has no limits for groups below (cgroup-v2.rst, "No Internal
    Process Constraint"), so this is mostly beside.
    """
    for home in (own, own.parent):
        if home.is_relative_to(top) and _read_words(home / _PASSED_ON) >= KINDS and _may_make(home):
            return home
    return None


def _may_make(home: Path) -> bool:
    """Whether groups can be made there, and processes of ours be put into them."""
    return os.access(home, os.W_OK) and os.access(home / DOOR, os.W_OK)


def _is_given_to_us(own: Path, top: Path) -> bool:
    """Whether nobody else manages a group: it is the user's, or all that a container sees.

    Only the machine's very first group has no type, and it is nobody's. A group with threads of other
    groups' processes takes no limit of memory (cgroup-v2.rst, "Threads").
    """
    whole = _read_words(own / "cgroup.type") == {"domain"}
    if not whole or not _read_words(own / "cgroup.controllers") >= KINDS or not _may_make(own):
        return False
    return own == top or own.stat().st_uid == os.geteuid() != 0


def _divide(own: Path) -> bool:
    """Let a group pass its controllers on, for which all its processes must go into one below.

    Later commands find themselves there, and make groups beside. False where that is not to be had, and
    then all is as it was.
    """
    below = own / _OURS
    try:
        below.mkdir(exist_ok=True)
        _move(own, below)
        (own / _PASSED_ON).write_text(" ".join(f"+{kind}" for kind in sorted(KINDS)))
    except OSError:
        with suppress(OSError):
            _move(below, own)
        with suppress(OSError):
            below.rmdir()
        return False
    return True


def _move(source: Path, target: Path) -> None:
    """Move all processes that we see, and those that they start meanwhile."""
    for _ in range(_TRIES):
        for number in (source / DOOR).read_text().split():
            with suppress(ProcessLookupError):  # it has ended
                (target / DOOR).write_text(number)


def _read_words(path: Path) -> set[str]:
    try:
        return set(path.read_text().split())
    except OSError:  # the machine's first group lacks some
        return set()
