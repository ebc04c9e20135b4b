"""What a step changed: the upper folder of an overlay, read against the layers below it.

The kernel's marks are 0:0 character devices for what is gone, and an extended attribute on folders
that replace what was there (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
"""

from __future__ import annotations

import errno
import os
import stat

from envbuild.execute.sandbox.inside.attributes import read_attributes
from envbuild.execute.sandbox.inside.channel import CHANGE, Channel, Message, Refusal

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

FILE: Final = "file"
FOLDER: Final = "folder"
LINK: Final = "link"
HARD_LINK: Final = "hard link"
PIPE: Final = "pipe"
GONE: Final = "gone"
REPLACED: Final = "replaced"  # a folder, with nothing of what lay below it

_CHUNK: Final = 1 << 20
_DEVICE_HINT: Final = "remove it in the same step"
TOO_LONG: Final = "the step made a path of more than 4095 bytes, which no layer can hold"


class _Folder:
    """A folder that is being walked. `compared`: what lies in it is compared with what lies below."""

    def __init__(self, path: str, names: list[str], *, compared: bool) -> None:
        self.path = path
        self.names = iter(names)
        self.compared = compared
        self.changed = False
        self.found: os.stat_result | None = None  # None for the root
        self.old: os.stat_result | None = None


class Changes:
    """Walks an upper folder; `below` is the root without it, `places` are those of mounts."""

    def __init__(self, upper: str, below: str, marks: str, places: list[str]) -> None:
        self._upper = upper
        self._below = below
        self._opaque = f"{marks}.overlay.opaque"
        self._places = {place.lstrip("/") for place in places}
        self._first: dict[tuple[int, int], str] = {}  # of each file with several names

    def send(self, channel: Channel) -> None:
        """Send every change, sorted by name below each folder; a folder comes after what is in it."""
        try:
            for change in self._walk():
                self._send(change, channel)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise Refusal(TOO_LONG) from error
            raise

    def _send(self, change: Message, channel: Channel) -> None:
        if change["what"] != FILE:
            channel.send(change)
            return
        source = f"{self._upper}/{change['path']}"
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            channel.send(change, descriptor)
        finally:
            os.close(descriptor)

    def _walk(self) -> Iterator[Message]:
        """Depth first, with a stack of our own: a step may nest folders as deep as paths are long."""
        stack = [_Folder("", self._names(""), compared=True)]
        while stack:
            folder = stack[-1]
            name = next(folder.names, None)
            if name is None:
                stack.pop()
                for change in self._leave(folder):
                    stack[-1].changed = True
                    yield change
                continue
            path = f"{folder.path}/{name}" if folder.path else name
            found = os.lstat(f"{self._upper}/{path}")
            old = self._status_below(path) if folder.compared else None
            if stat.S_ISDIR(found.st_mode):
                stack.append(self._enter(path, found, old))
                continue
            for change in self._entry(path, found, old):
                folder.changed = True
                yield change

    def _names(self, folder: str) -> list[str]:
        with os.scandir(f"{self._upper}/{folder}") as found:
            return sorted(entry.name for entry in found)

    def _enter(self, path: str, found: os.stat_result, old: os.stat_result | None) -> _Folder:
        was_folder = old is not None and stat.S_ISDIR(old.st_mode)
        replaced = was_folder and self._is_opaque(path)
        folder = _Folder(path, self._names(path), compared=was_folder and not replaced)
        folder.found, folder.old, folder.changed = found, old, replaced
        return folder

    def _leave(self, folder: _Folder) -> Iterator[Message]:
        if folder.found is None:
            return
        was_folder = folder.old is not None and stat.S_ISDIR(folder.old.st_mode)
        if not folder.changed:
            if folder.path in self._places:
                return
            if was_folder and self._is_same(folder.path, folder.found, folder.old):
                return
        if was_folder and not folder.compared:
            yield _change(folder.path, REPLACED, folder.found)
        yield self._full(folder.path, FOLDER, folder.found)

    def _entry(self, path: str, found: os.stat_result, old: os.stat_result | None) -> Iterator[Message]:
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            if old is not None:
                yield _change(path, GONE, found)
        elif not (self._is_place(path, found) or stat.S_ISSOCK(found.st_mode)):
            # A socket without its program is nothing.
            yield from self._other(path, found, old)

    def _other(self, path: str, found: os.stat_result, old: os.stat_result | None) -> Iterator[Message]:
        shared = found.st_nlink > 1 and stat.S_ISREG(found.st_mode)
        first = self._first.setdefault((found.st_dev, found.st_ino), path) if shared else path
        if first != path:
            yield _change(path, HARD_LINK, found) | {"target": first}
        elif not shared and self._is_same(path, found, old):
            return
        elif stat.S_ISREG(found.st_mode):
            yield self._full(path, FILE, found)
        elif stat.S_ISLNK(found.st_mode):
            target = os.readlink(f"{self._upper}/{path}")
            yield self._full(path, LINK, found) | {"target": target}
        elif stat.S_ISFIFO(found.st_mode):
            yield self._full(path, PIPE, found)
        else:
            raise Refusal(f"the step made the device `/{path}`: no layer holds devices", _DEVICE_HINT)

    def _status_below(self, path: str) -> os.stat_result | None:
        try:
            return os.lstat(f"{self._below}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _is_place(self, path: str, found: os.stat_result) -> bool:
        return path in self._places and stat.S_ISREG(found.st_mode) and found.st_size == 0

    def _is_opaque(self, path: str) -> bool:
        try:
            return os.getxattr(f"{self._upper}/{path}", self._opaque) == b"y"
        except OSError:
            return False

    def _is_same(self, path: str, found: os.stat_result, old: os.stat_result | None) -> bool:
        """Whether nothing but times differs from what lies below."""
        if old is None or _identity(found) != _identity(old):
            return False
        upper, below = f"{self._upper}/{path}", f"{self._below}/{path}"
        if read_attributes(upper) != read_attributes(below):
            return False
        if stat.S_ISLNK(found.st_mode):
            return os.readlink(upper) == os.readlink(below)
        return not stat.S_ISREG(found.st_mode) or (found.st_size == old.st_size and _equal(upper, below))

    def _full(self, path: str, what: str, found: os.stat_result) -> Message:
        return _change(path, what, found) | {"attributes": read_attributes(f"{self._upper}/{path}")}


def _change(path: str, what: str, found: os.stat_result) -> Message:
    return {
        "kind": CHANGE,
        "what": what,
        "path": path,
        "mode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "size": found.st_size,
    }


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mode, status.st_uid, status.st_gid


def _equal(one: str, other: str) -> bool:
    with open(one, "rb") as first, open(other, "rb") as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
        return not second.read(1)
