"""COPY and ADD as a layer: files put on a root file system that is known, not there.

What is not in the Dockerfile reference follows BuildKit: sources replace what lies at their places,
links of folders on the way are followed, new folders belong to the owner that is asked for, and
folders that exist stay as they are.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Final

from envbuild.archive.decompress import ForwardReader, Source
from envbuild.archive.layer import LayerWriter
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.root_facts import find_groups, find_users
from envbuild.archive.root_scan import Node, RootScan, clean_path, entry_path
from envbuild.archive.tar_header import NO_ATTRIBUTES
from envbuild.archive.tar_reader import EVERY_KIND, read_capability, read_tar
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError

_NEW_FOLDER: Final = 0o755


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom copied files belong to; None leaves it to the source."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Destination:
    """Where copies go: an absolute path, a folder if it ends with a slash.

    With `mode`, copies have that one; with `owner`, that one, and so have folders that are made.
    """

    path: str
    mode: int | None = None
    owner: Owner | None = None


@dataclass(slots=True)
class CopyWriter:
    """Writes copies into a layer; folders above them are named as the root has them."""

    root: RootScan
    writer: LayerWriter
    destination: Destination
    _folders: dict[str, Node] = field(default_factory=dict)
    _written: dict[str, bool] = field(default_factory=dict)

    def place(self, below: str, *, single: bool = False) -> str:
        """Where a copy goes; `below` is its path within the destination, which a `single` file names itself.

        Raises ArchiveError where something else than a folder is in the way.
        """
        path = self.destination.path
        real = self._resolve(clean_path(path))
        node = self.root.nodes.get(real)
        is_folder = path.endswith("/") or not real or (node is not None and node.is_folder)
        if single and not is_folder:
            return real
        if node is not None and not node.is_folder:
            raise ArchiveError(f"`{path}` is a file, and what is copied needs a folder there")
        return self._resolve_above(posixpath.join(real, below)) if below else real

    def top(self) -> None:
        """Add the destination, a folder; one that is new has the owner that is asked for, not the mode."""
        if path := self.place(""):
            made = self._owned(Owner(0, 0))
            known = self.root.nodes.get(path)
            self._folders[path] = known or Node(tarfile.DIRTYPE, _NEW_FOLDER, made.uid, made.gid)
            self._name_above(path)

    def folder(self, path: str, mode: int, owner: Owner) -> None:
        """Add a folder; one that is there keeps its mode and owner."""
        known = self.root.nodes.get(path)
        if known is not None and known.is_folder:
            self._folders.setdefault(path, known)
        else:
            made = self._owned(owner)
            new = Node(tarfile.DIRTYPE, self._mode(mode), made.uid, made.gid)
            self._folders[path] = new
        self._name_above(path)

    def file(
        self,
        path: str,
        contents: Source,
        size: int,
        mode: int,
        owner: Owner,
        attributes: Mapping[str, bytes] = NO_ATTRIBUTES,
    ) -> None:
        """Add a file; it keeps its attributes with whatever owner."""
        made = self._owned(owner)
        self._claim(path)
        self.writer.attributes(path, attributes)
        self.writer.copied_file(path, contents, size, mode=self._mode(mode), uid=made.uid, gid=made.gid)

    def text(self, path: str, data: bytes, mode: int) -> None:
        """Add a file from memory."""
        made = self._owned(Owner(0, 0))
        self._claim(path)
        self.writer.file(path, data, mode=self._mode(mode), uid=made.uid, gid=made.gid)

    def link(self, path: str, target: str, owner: Owner) -> None:
        """Add a symbolic link, as it is."""
        made = self._owned(owner)
        self._claim(path)
        self.writer.symlink(path, target, uid=made.uid, gid=made.gid)

    def same_file(self, path: str, first: str) -> None:
        """Add another name of a file that was added."""
        self._claim(path)
        self.writer.hardlink(path, first)

    def finish(self) -> LayerInfo:
        """Name the folders, and end the layer."""
        for path, node in sorted(self._folders.items()):
            if path in self._written:
                raise ArchiveError(f"`/{path}` is copied as a file and as a folder")
            self.writer.directory(path, mode=node.mode, uid=node.uid, gid=node.gid)
        return self.writer.finish()

    def _claim(self, path: str) -> None:
        node = self.root.nodes.get(path)
        if not path or (node is not None and node.is_folder):
            raise ArchiveError(f"`/{path}` is a folder, and a file would take its place")
        if path in self._written:
            raise ArchiveError(f"`/{path}` is copied twice", hint="copy one of them, or to another place")
        self._written[path] = True
        self._name_above(path)

    def _name_above(self, path: str) -> None:
        folder = posixpath.dirname(path)
        while folder and folder not in self._folders:
            node = self.root.nodes.get(folder)
            if node is not None and not node.is_folder:
                raise ArchiveError(f"`/{folder}` is a file, and `/{path}` would lie below it")
            made = self.destination.owner or Owner(0, 0)
            self._folders[folder] = node or Node(tarfile.DIRTYPE, _NEW_FOLDER, made.uid, made.gid)
            folder = posixpath.dirname(folder)

    def _resolve(self, path: str) -> str:
        return self.root.resolve(path)

    def _resolve_above(self, path: str) -> str:
        """The path with links of its folders followed, and not its own."""
        folder, name = posixpath.split(path)
        return posixpath.join(self._resolve(folder), name)

    def _mode(self, mode: int) -> int:
        return mode if self.destination.mode is None else self.destination.mode

    def _owned(self, owner: Owner) -> Owner:
        return self.destination.owner or owner


def read_owner(text: str, root: RootScan) -> Owner | None:
    """Whom `user`, `user:group` or numbers mean; raises ArchiveError for a name that is not known."""
    if not text:
        return None
    user, colon, group = text.partition(":")
    if user.isascii() and user.isdecimal():
        owner = Owner(int(user), int(user))
    else:
        users = find_users(root)
        if user not in users:
            raise _unknown(user, "user", "/etc/passwd")
        uid, _, gid = users[user].partition(":")
        owner = Owner(int(uid), int(gid))
    if not colon:
        return owner
    if group.isascii() and group.isdecimal():
        return replace(owner, gid=int(group))
    groups = find_groups(root)
    if group not in groups:
        raise _unknown(group, "group", "/etc/group")
    return replace(owner, gid=int(groups[group]))


def _unknown(name: str, kind: str, file: str) -> ArchiveError:
    return ArchiveError(
        f"the image has no {kind} `{name[:40]}` in {file}", hint="write a number, or add it before"
    )


def unpack_archive(archive: ForwardReader, copies: CopyWriter) -> None:
    """Add what a tar holds below the destination; raises ArchiveError.

    Owners and modes are the archive's own, as with BuildKit: what is asked for is for the destination.
    """
    copies.top()
    asked, copies.destination = copies.destination, Destination(copies.destination.path)
    for entry, contents in read_tar(archive):
        name = entry_path(entry.name)
        if not name:
            continue
        path, owner, mode = copies.place(name), Owner(entry.uid, entry.gid), entry.mode & 0o7777
        if entry.isdir():
            copies.folder(path, mode, owner)
        elif entry.issym():
            copies.link(path, entry.linkname, owner)
        elif entry.islnk():
            copies.same_file(path, copies.place(entry_path(entry.linkname)))
        else:
            copies.file(path, contents, entry.size, mode, owner, read_capability(entry))
    copies.destination = asked


def copy_nodes(
    chosen: Mapping[str, Node], layers: Sequence[ForwardReader], copies: CopyWriter, *, single: bool
) -> None:
    """Add what another root has: nodes by their path below the destination, contents from its layers.

    Files come in the layers' order; several names of one file stay names of one file.
    """
    wanted: dict[tuple[int, str], list[str]] = {}
    for below, node in sorted(chosen.items()):
        path, owner = copies.place(below, single=single), Owner(node.uid, node.gid)
        if node.is_folder:
            copies.folder(path, node.mode, owner)
        elif node.is_link:
            copies.link(path, node.target, owner)
        elif node.is_file:
            wanted.setdefault((node.layer, node.origin), []).append(path)
        else:
            raise ArchiveError(f"`{below}` is neither file, folder nor link: it cannot be copied")
    for number, layer in enumerate(layers):
        _copy_contents(number, layer, wanted, copies)


def _copy_contents(
    number: int, layer: ForwardReader, wanted: Mapping[tuple[int, str], Sequence[str]], copies: CopyWriter
) -> None:
    if not any(key[0] == number for key in wanted):
        return
    for entry, contents in read_tar(layer, EVERY_KIND):
        paths = wanted.get((number, entry_path(entry.name)))
        if paths and entry.isreg():
            first, *others = paths
            mode, owner = entry.mode & 0o7777, Owner(entry.uid, entry.gid)
            copies.file(first, contents, entry.size, mode, owner, read_capability(entry))
            for path in others:
                copies.same_file(path, first)


def find_suffix(magic: bytes) -> str | None:
    """How a file that begins so is compressed, if it may be a tar; None for one that is no archive."""
    for begin, suffix in ((b"\x1f\x8b", ".gz"), (b"\xfd7zXZ\0", ".xz"), (b"BZh", ".bz2")):
        if magic.startswith(begin):
            return suffix
    return "" if magic[257:262] == b"ustar" else None
