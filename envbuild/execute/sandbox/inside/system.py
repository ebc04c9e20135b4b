"""Calls of the kernel that Python has no function for: namespaces and mounts (namespaces(7), mount(2))."""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final


NEW_MOUNTS: Final = 0x00020000
NEW_CGROUP: Final = 0x02000000
NEW_HOST_NAME: Final = 0x04000000
NEW_IPC: Final = 0x08000000
NEW_USER: Final = 0x10000000
NEW_PIDS: Final = 0x20000000
NEW_NETWORK: Final = 0x40000000

READ_ONLY: Final = 1
NO_SETUID: Final = 2
NO_DEVICES: Final = 4
NO_PROGRAMS: Final = 8
REMOUNT: Final = 32
BIND: Final = 4096
RECURSIVE: Final = 16384
PRIVATE: Final = 1 << 18

_DETACH: Final = 2  # MNT_DETACH
_AT_CWD: Final = -100
_AT_EMPTY_PATH: Final = 0x1000
_AT_RECURSIVE: Final = 0x8000
_CLONE: Final = 1 | os.O_CLOEXEC  # OPEN_TREE_CLONE
_MOVE_EMPTY_PATH: Final = 4  # MOVE_MOUNT_F_EMPTY_PATH
# These system calls are younger than the common table of numbers: they are the same on all processors.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG
_DUMPABLE: Final = 4  # PR_SET_DUMPABLE
_DROP_BOUND: Final = 24  # PR_CAPBSET_DROP
_CAPABILITY_VERSION: Final = 0x20080522

_KEYS: Final = (2, 3)  # INT, QUIT
_SIGNALS: Final = (*range(1, 32), *range(34, 65))  # what is between belongs to the C library (nptl(7))

_libc: Final = ctypes.CDLL(None, use_errno=True)


def _call(what: str, *arguments: object) -> int:
    """A function of the C library; raises OSError with the caller's name for what failed."""
    function, *rest = arguments
    result = int(getattr(_libc, str(function))(*rest))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def _long(value: int) -> ctypes.c_long:
    return ctypes.c_long(value)


def unshare(flags: int) -> None:
    """Leave namespaces for new ones (unshare(2))."""
    _call("new namespaces", "unshare", flags)


def mount(kind: str, target: str, flags: int = 0, options: str = "", source: str = "none") -> None:
    """Mount a file system (mount(2))."""
    data = options.encode() if options else None
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data)
    _call(target, "mount", *arguments)


def make_private() -> None:
    """Let no mount of ours reach the host."""
    _call("/", "mount", b"none", b"/", None, ctypes.c_ulong(RECURSIVE | PRIVATE), None)


def unmount(target: str) -> None:
    """Take a mount away as soon as nobody uses it."""
    _call(target, "umount2", os.fsencode(target), _DETACH)


def clone_mount(path: str, *, recursive: bool = False) -> int:
    """A mount of what lies at `path`, attached nowhere yet, as a descriptor (open_tree(2))."""
    flags = _CLONE | (_AT_RECURSIVE if recursive else 0)
    return _call(path, "syscall", _long(_OPEN_TREE), _AT_CWD, os.fsencode(path), flags)


def attach_mount(descriptor: int, target: str) -> None:
    """Put a mount of `clone_mount` at `target` (move_mount(2))."""
    arguments = (descriptor, b"", _AT_CWD, os.fsencode(target), _MOVE_EMPTY_PATH)
    _call(target, "syscall", _long(_MOVE_MOUNT), *arguments)


class _MountAttributes(ctypes.Structure):
    """`struct mount_attr` of mount_setattr(2)."""

    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


def restrict_mount(descriptor: int, flags: int, *, recursive: bool = False) -> None:
    """Set READ_ONLY, NO_SETUID, NO_DEVICES or NO_PROGRAMS on a mount of `clone_mount`."""
    attributes = _MountAttributes(set=flags)
    at = _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    arguments = (descriptor, b"", at, ctypes.byref(attributes), size)
    _call("mount attributes", "syscall", _long(_MOUNT_SETATTR), *arguments)


def pivot_root_here() -> None:
    """Make the working folder the root, the old root lying above it until it is unmounted (pivot_root(2))."""
    _call(".", "pivot_root", b".", b".")


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends."""
    _call("death signal", "prctl", _DEATH_SIGNAL, 9, 0, 0, 0)


def hide_process() -> None:
    """Let nobody look into this process or take its files, who may not trace everything (prctl(2))."""
    _call("dumpable", "prctl", _DUMPABLE, 0, 0, 0, 0)


def default_signals() -> None:
    """Undo what Python and who started it do with signals: what is ignored is inherited (signal(7))."""
    for number in _SIGNALS:
        _libc.signal(number, None)


def ignore_keys() -> None:
    """Leave what is typed to the program: a terminal sends Ctrl-C and Ctrl-\\ to all of its foreground."""
    for number in _KEYS:
        _libc.signal(number, ctypes.c_void_p(1))  # SIG_IGN


def bound_capabilities(kept: frozenset[int]) -> None:
    """Let no program that is executed later have any capability but `kept` (capabilities(7))."""
    for number in range(_last_capability() + 1):
        if number not in kept:
            _call("capabilities", "prctl", _DROP_BOUND, number, 0, 0, 0)


def hold_capabilities(held: frozenset[int]) -> None:
    """Give up all capabilities of this process but `held`."""
    mask = sum(1 << number for number in held)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    _call("capabilities", "capset", header, (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0))


def _last_capability() -> int:
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return int(file.read())
