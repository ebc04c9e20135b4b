"""Unpacking layers for overlays: an untrusted tar, inside a root of its own, so that no path leads out of it.

Whiteouts (OCI image spec, layer.md) become the kernel's marks: 0:0 character devices, and an extended
attribute on folders that hide what lies below them.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from typing import BinaryIO, Final

import zstandard  # noqa: F401 (the reader wants it later, when no module can be found any more)

from envbuild.archive.decompress import PIECE, Source, open_layer
from envbuild.archive.layer import MAX_DEPTH
from envbuild.archive.root_scan import OPAQUE, WHITEOUT
from envbuild.archive.tar_header import ATTRIBUTE
from envbuild.archive.tar_reader import EVERY_KIND, read_tar
from envbuild.core.errors import ArchiveError
from envbuild.execute.sandbox.inside.attributes import is_unpacked
from envbuild.execute.sandbox.inside.channel import Channel, Message, Refusal
from envbuild.execute.sandbox.inside.namespaces import remember_maps, require_mapped

UNPACKED: Final = "unpacked"
_ATTRIBUTE_HINTS: Final = {
    errno.EINVAL: "it is damaged, or of a user that you lack: build as root, or with `--executor docker`",
    errno.ENOTSUP: "choose a folder on ext4, xfs or btrfs with `--cache-dir`",
}
_OTHER_MARKS: Final = ".wh..wh."  # of aufs, which knew more than layers do


def unpack_all(spec: Message, channel: Channel) -> None:
    """Unpack each of `spec["layers"]`, pairs of a blob's path and an empty folder; tells the size of each.

    Raises Refusal.
    """
    os.umask(0)
    remember_maps()
    outside = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for blob, folder in spec["layers"]:
        with open(blob, "rb") as file:
            os.chroot(folder)
            os.chdir("/")
            try:
                size = _Unpacking(spec["marks"], all_root=spec["all_root"]).unpack(file)
            except ArchiveError as error:
                raise Refusal(error.message, error.hint) from error
            finally:
                os.fchdir(outside)
                os.chroot(".")
        channel.send({"kind": UNPACKED, "size": size})


class _Unpacking:
    """One layer, unpacked into the root of this process. `all_root`: everything belongs to root."""

    def __init__(self, marks: str, *, all_root: bool) -> None:
        self._opaque = f"{marks}.overlay.opaque"
        self._all_root = all_root
        self._gone: list[str] = []
        self._times: list[tuple[str, float]] = []  # of folders, which change until the end
        self._size = 0

    def unpack(self, file: BinaryIO) -> int:
        """Unpack all; returns the bytes of its files. Raises ArchiveError, Refusal and OSError."""
        archive = open_layer(file)
        for entry, contents in read_tar(archive, EVERY_KIND):
            self._take(_normalise(entry.name), entry, contents)
        for path in self._gone:
            self._mark_gone(path)
        for path, time in self._times:
            os.utime(path, ns=(_nanoseconds(time),) * 2, follow_symlinks=False)
        return self._size

    def _take(self, path: str, entry: tarfile.TarInfo, contents: Source) -> None:
        folder, _, name = path.rpartition("/")
        if name == OPAQUE:
            os.setxattr(self._make_folders(folder), self._opaque, b"y")
        elif name.startswith(_OTHER_MARKS):
            return
        elif name.startswith(WHITEOUT):
            self._gone.append(f"{self._make_folders(folder)}/{_checked(name.removeprefix(WHITEOUT), entry)}")
        elif entry.isdev() and not entry.isfifo():
            # The step has a /dev of its own; elsewhere a device would be a way out of the cache.
            if not path.startswith("dev/"):
                raise ArchiveError(f"a layer holds the device {entry.name!a}")
        else:
            self._make(f"{self._make_folders(folder)}/{name}", entry, contents)

    def _make(self, path: str, entry: tarfile.TarInfo, contents: Source) -> None:
        self._clear(path, entry)
        if entry.islnk():
            _link_again(entry, path)
            return
        if entry.isdir():
            if not os.path.isdir(path):
                os.mkdir(path)
            self._times.append((path, entry.mtime))
        elif entry.issym():
            os.symlink(entry.linkname, path)
        elif entry.isfifo():
            os.mkfifo(path)
        else:
            self._write(path, entry.size, contents)
        self._own(path, entry)
        if not entry.isdir():
            os.utime(path, ns=(_nanoseconds(entry.mtime),) * 2, follow_symlinks=False)

    def _clear(self, path: str, entry: tarfile.TarInfo) -> None:
        """Remove what an earlier entry put there: the later one counts, as in every other tool."""
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(found.st_mode):
            os.unlink(path)
        elif not entry.isdir():
            raise ArchiveError(f"{entry.name!a} is there as a folder and as something else")

    def _write(self, path: str, size: int, contents: Source) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            left = size
            while left:
                piece = contents.read(min(left, PIECE))
                file.write(piece)
                left -= len(piece)
        self._size += size

    def _own(self, path: str, entry: tarfile.TarInfo) -> None:
        """Owner, then mode and attributes: a change of owner takes setuid and capabilities away."""
        if not self._all_root:
            require_mapped(entry.uid, entry.gid, f"`{ascii(entry.name)[1:-1]}` of a layer")
            if entry.uid or entry.gid:
                os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
        if entry.issym():
            return
        os.chmod(path, entry.mode & 0o7777)
        for key, value in entry.pax_headers.items():
            name = key.removeprefix(ATTRIBUTE)
            if name != key and is_unpacked(name):
                _set_attribute(path, name, value.encode("utf-8", "surrogateescape"), entry)

    def _make_folders(self, folder: str) -> str:
        """The path of a folder that some archives do not name before what is in it."""
        path = f"/{folder}"
        if folder and not os.path.isdir(path):
            os.makedirs(path, 0o755, exist_ok=True)
        return path if folder else ""

    def _mark_gone(self, path: str) -> None:
        try:
            os.mknod(path, stat.S_IFCHR, 0)
        except FileExistsError:
            # The layer puts something else in its place; a folder must hide what was in the old one.
            if stat.S_ISDIR(os.lstat(path).st_mode):
                os.setxattr(path, self._opaque, b"y")


def _set_attribute(path: str, name: str, value: bytes, entry: tarfile.TarInfo) -> None:
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        message = f"{entry.name!a} of a layer cannot have its attribute {name!a}: {error.strerror}"
        raise Refusal(message, _ATTRIBUTE_HINTS.get(error.errno or 0, "")) from error


def _normalise(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise ArchiveError(f"{name!a} leads out of its layer")
    if len(parts) > MAX_DEPTH:
        raise ArchiveError(f"`{name[:40]!a}...` lies more than {MAX_DEPTH} folders deep")
    return "/".join(parts)


def _checked(name: str, entry: tarfile.TarInfo) -> str:
    if name in ("", ".", ".."):
        raise ArchiveError(f"{entry.name!a} marks nothing as gone")
    return name


def _link_again(entry: tarfile.TarInfo, path: str) -> None:
    target = f"/{_normalise(entry.linkname)}"
    try:
        os.link(target, path, follow_symlinks=False)
    except OSError as error:
        raise ArchiveError(
            f"{entry.name!a} is a hard link to {entry.linkname!a}: {error.strerror}"
        ) from error


def _nanoseconds(time: float) -> int:
    return int(time * 1_000_000_000)
