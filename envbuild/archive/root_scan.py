"""What an image's layers amount to: one root file system's folders, links and a few files' contents.

Whiteouts are those of the OCI image spec, layer.md ("Whiteouts").
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from envbuild.archive.decompress import PIECE, ForwardReader, Source
from envbuild.archive.layer import check_length
from envbuild.archive.listing import Entry, Kind
from envbuild.archive.tar_reader import EVERY_KIND, read_tar
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.text import excerpt

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
_MAX_KEPT: Final = 64 << 20  # bytes of contents, over all files that are wanted
_MAX_NODES: Final = 4_000_000
_MAX_LINKS: Final = 40  # as Linux has it (path_resolution(7))
_MAX_STEPS: Final = 1000  # folders to pass on the way to a path, over all links


@dataclass(frozen=True, slots=True)
class Node:
    """What is at a path; `data` are the contents of a file that was wanted.

    `layer` counts from the bottom, `origin` is the path under which the layer has it: of a hard link,
    that of the file.
    """

    kind: bytes  # a type of tar
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    target: str = ""
    data: bytes | None = None
    layer: int = -1
    origin: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.kind == tarfile.DIRTYPE

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.kind == tarfile.SYMTYPE

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind in (tarfile.REGTYPE, tarfile.AREGTYPE)


_ROOT: Final = Node(tarfile.DIRTYPE)
_KINDS: Final = {
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.FILE: tarfile.REGTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.REGTYPE,
    Kind.FIFO: tarfile.FIFOTYPE,
    Kind.DEVICE: tarfile.CHRTYPE,
}
_LISTED: Final = {
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.REGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
    tarfile.FIFOTYPE: Kind.FIFO,
    tarfile.CHRTYPE: Kind.DEVICE,
    tarfile.BLKTYPE: Kind.DEVICE,
}


def list_layer(archive: ForwardReader) -> Iterator[Entry]:
    """The entries of a layer in order, without sizes and CRCs: what `RootScan.add_listing` looks at."""
    for entry, _ in read_tar(archive, EVERY_KIND):
        path = entry_path(entry.name)
        check_length(path)
        target = entry.linkname if entry.issym() else ""
        yield Entry(path, _LISTED[entry.type], entry.mode & 0o7777, entry.uid, entry.gid, target=target)


class RootScan:
    """A root file system, from its layers' tar archives; paths have no leading slash.

    `wanted` says of which files the contents are kept.
    """

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.wanted = wanted
        self.nodes: dict[str, Node] = {}
        self._below: dict[str, set[str]] = {}
        self._kept = 0
        self._layers = 0

    def add_layer(self, archive: ForwardReader) -> None:
        """Put a layer on those before it; raises ArchiveError."""
        added: set[str] = set()
        for entry, contents in read_tar(archive, EVERY_KIND):
            path = entry_path(entry.name)
            check_length(path)
            if not self._is_whiteout(path, added):
                self._put(path, self._node(path, entry, contents), added)
        self._layers += 1

    def add_listing(self, entries: Iterable[Entry]) -> None:
        """Put a layer on those before it of which only the listing is there: no contents are kept."""
        added: set[str] = set()
        for entry in entries:
            if not self._is_whiteout(entry.path, added):
                kind = _KINDS[entry.kind]
                node = Node(
                    kind, entry.mode, entry.uid, entry.gid, entry.target, None, self._layers, entry.path
                )
                self._put(entry.path, node, added)
        self._layers += 1

    def read(self, path: str) -> bytes:
        """The contents of a file that was wanted, by way of links; nothing where there is none."""
        node = self.nodes.get(self.resolve(path))
        return (node.data if node else None) or b""

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there, by way of links."""
        return self.resolve(path) in self.nodes

    def resolve(self, path: str) -> str:
        """The real path of a path, its last part included; what does not exist stays as written."""
        done: list[str] = []
        parts = [part for part in path.split("/") if part not in ("", ".")][::-1]
        links = steps = 0
        while parts:
            part = parts.pop()
            steps += 1
            if steps > _MAX_STEPS:
                return path
            if part == "..":
                done = done[:-1]
                continue
            node = self.nodes.get("/".join((*done, part)))
            if node is None or not node.is_link:
                done.append(part)
                continue
            links += 1
            if links > _MAX_LINKS:
                return path
            done = [] if node.target.startswith("/") else done
            parts.extend(each for each in reversed(node.target.split("/")) if each not in ("", "."))
        return "/".join(done)

    def links_to_folders(self) -> Mapping[str, str]:
        """The symbolic links that lead to folders, each with the real path of that folder."""
        found = {path: self.resolve(path) for path, node in self.nodes.items() if node.is_link}
        return {path: real for path, real in sorted(found.items()) if self._is_folder(real)}

    def special_folders(self) -> Mapping[str, Node]:
        """The folders whose mode or owner is not their parent's; that of the root is root's 0755."""
        found = {}
        for path, node in sorted(self.nodes.items()):
            above = self.nodes.get(posixpath.dirname(path), _ROOT)
            if node.is_folder and (node.mode, node.uid, node.gid) != (above.mode, above.uid, above.gid):
                found[path] = node
        return found

    def names(self, folder: str) -> tuple[str, ...]:
        """What lies in a folder, sorted."""
        return tuple(sorted(self._below.get(folder, ())))

    def _is_folder(self, path: str) -> bool:
        node = self.nodes.get(path)
        return path == "" or (node is not None and node.is_folder)

    def _node(self, path: str, entry: tarfile.TarInfo, contents: Source) -> Node:
        if entry.islnk():
            first = self.nodes.get(entry_path(entry.linkname))
            if first is None:
                raise ArchiveError(f"`{excerpt(entry.name)}` is a hard link to nothing")
            return first
        data = None
        if entry.isreg() and self.wanted(path):
            self._kept += entry.size
            if self._kept > _MAX_KEPT:
                raise ArchiveError(f"`/{path}` is too large: it and its like have over {_MAX_KEPT} bytes")
            data = b"".join(_pieces(contents, entry.size))
        mode, owner = entry.mode & 0o7777, (entry.uid, entry.gid)
        return Node(entry.type, mode, *owner, entry.linkname, data, self._layers, path)

    def _is_whiteout(self, path: str, added: set[str]) -> bool:
        """Whether a path says that something is gone; what it names goes, but for this layer's own."""
        folder, name = posixpath.split(path)
        if name == OPAQUE:
            self._hide(folder, added)
        elif name.startswith(WHITEOUT):
            gone = posixpath.join(folder, name.removeprefix(WHITEOUT))
            if gone in added:
                self._hide(gone, added)
            else:
                self._remove(gone)
        return name.startswith(WHITEOUT)

    def _put(self, path: str, node: Node, added: set[str]) -> None:
        if not path:
            return
        above = path
        while above and above not in added:  # a folder may be named only after what is in it
            added.add(above)
            above = posixpath.dirname(above)
        known = self.nodes.get(path)
        if known is not None and not node.is_folder:  # below a folder is what stays, or this layer's own
            self._remove(path)
        self.nodes[path] = node
        self._name_above(path)

    def _name_above(self, path: str) -> None:
        """Have the folders above a path, which layers need not name."""
        while path:
            folder, name = posixpath.split(path)
            names = self._below.setdefault(folder, set())
            if name in names:
                return
            names.add(name)
            if folder and folder not in self.nodes:
                self.nodes[folder] = _ROOT
                if len(self.nodes) > _MAX_NODES:
                    raise ArchiveError(f"an image has more than {_MAX_NODES} files and folders")
            path = folder

    def _hide(self, folder: str, added: set[str]) -> None:
        """Remove what the layers below have in a folder, and keep what this one has."""
        pending = [folder]
        while pending:
            above = pending.pop()
            for name in self.names(above):
                path = posixpath.join(above, name)
                if path in added:
                    pending.append(path)
                else:
                    self._remove(path)

    def _remove(self, path: str) -> None:
        """Remove a path and all below it."""
        pending = [path]
        while pending:
            gone = pending.pop()
            pending.extend(posixpath.join(gone, name) for name in self._below.pop(gone, ()))
            self.nodes.pop(gone, None)
        folder, name = posixpath.split(path)
        self._below.get(folder, set()).discard(name)


def clean_path(name: str) -> str:
    """A path below the root, whatever a layer calls it; "" for the root itself."""
    return posixpath.normpath("/" + name).lstrip("/")


def entry_path(name: str) -> str:
    """`clean_path` of what a tar names; raises ArchiveError for a name that leads out of it.

    Some readers take `../x` for `x`, others refuse it, and some go there.
    """
    if ".." in name.split("/") or "\0" in name:
        raise ArchiveError(f"`{excerpt(name)}` leads out of its archive")
    return clean_path(name)


def _pieces(contents: Source, size: int) -> Iterator[bytes]:
    while size:
        piece = contents.read(min(size, PIECE))
        yield piece
        size -= len(piece)
