"""COPY and ADD as a layer: files put on a root file system that is known, not there.

What is not in the Dockerfile reference follows BuildKit: sources replace what lies at their places,
links of folders on the way are followed, and new folders belong to the owner that is asked for. Of
folders that exist, those on the way stay as they are, and those that a source has too become as it has them.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Mapping, Sequence
from typing import Final

from envbuild.archive.decompress import MAX_LAYER, ForwardReader, SeekableSource, Source, open_compressed
from envbuild.archive.file_mode import change_mode
from envbuild.archive.layer import LayerWriter
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.root_facts import find_groups, find_users
from envbuild.archive.root_scan import WHITEOUT, Node, RootScan, clean_path, entry_path
from envbuild.archive.tar_header import BLOCK, NO_ATTRIBUTES
from envbuild.archive.tar_reader import EVERY_KIND, read_capability, read_tar
from envbuild.core.dataclass import dataclass, replace
from envbuild.core.errors import ArchiveError

_NEW_FOLDER: Final = 0o755
_MAGIC: Final = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\0": ".xz", b"BZh": ".bz2", b"\x28\xb5\x2f\xfd": ".zst"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom copied files belong to; None leaves it to the source."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Destination:
    """Where copies go: an absolute path, a folder if it ends with a slash.

    With `mode`, copies have that one, or what its words make of theirs; with `owner`, that one, and so have
    folders that are made.
    """

    path: str
    mode: int | str | None = None
    owner: Owner | None = None


class CopyWriter:
    """Writes copies into a layer; folders above them are named as the root has them."""

    def __init__(self, root: RootScan, writer: LayerWriter, destination: Destination) -> None:
        self.root = root
        self.writer = writer
        self.destination = destination
        self._folders: dict[str, Node] = {}
        self._written: dict[str, bool] = {}

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
        """Add a folder, also where one is there; raises ArchiveError where something else is."""
        known = self.root.nodes.get(path)
        if known is not None and not known.is_folder:
            what = "a link" if known.is_link else "a file"
            raise ArchiveError(
                f"`/{path}` is {what}, and a folder would take its place",
                hint="copy what is in the folder to where it belongs",
            )
        self.unpacked_folder(path, mode, owner)

    def unpacked_folder(self, path: str, mode: int, owner: Owner) -> None:
        """Add a folder, whatever is there."""
        made = self._owned(owner)
        self._folders[path] = Node(tarfile.DIRTYPE, self._mode(mode, is_folder=True), made.uid, made.gid)
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

    def fifo(self, path: str, mode: int, owner: Owner) -> None:
        """Add a named pipe."""
        made = self._owned(owner)
        self._claim(path)
        self.writer.fifo(path, mode=self._mode(mode), uid=made.uid, gid=made.gid)

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
        folder, name = posixpath.split(path)
        if name.startswith(WHITEOUT):
            raise ArchiveError(f"`/{path}` has a name that means in layers that something is gone")
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

    def _mode(self, mode: int, *, is_folder: bool = False) -> int:
        stated = self.destination.mode
        if isinstance(stated, str):
            return change_mode(stated, mode, is_folder=is_folder)
        return mode if stated is None else stated

    def _owned(self, owner: Owner) -> Owner:
        return self.destination.owner or owner


def read_owner(text: str, root: RootScan) -> Owner | None:
    """Whom `user`, `user:group` or numbers mean; raises ArchiveError for a name that is not known.

    `root` is known everywhere, and is the user where only a group is named.
    """
    if not text:
        return None
    user, colon, group = text.partition(":")
    if colon and not group:
        raise ArchiveError(f"`{text[:40]}` names no group", hint="name one, or take the colon out")
    number = _read_number(user or "root")
    if number is not None:
        owner = Owner(number, number)
    else:
        uid, _, gid = _look_up(user, find_users(root), "user", root).partition(":")
        owner = Owner(int(uid), int(gid))
    if not colon:
        return owner
    number = _read_number(group)
    if number is None:
        number = int(_look_up(group, find_groups(root), "group", root))
    return replace(owner, gid=number)


def _read_number(text: str) -> int | None:
    if text == "root":
        return 0
    return int(text) if text.isascii() and text.isdecimal() else None


def _look_up(name: str, known: Mapping[str, str], kind: str, root: RootScan) -> str:
    file = "/etc/passwd" if kind == "user" else "/etc/group"
    if name in known:
        return known[name]
    if not root.exists(file):
        raise ArchiveError(
            f"there is no {file} to look up the {kind} `{name[:40]}`",
            hint="write a number: `scratch` has no names, and `--link` looks at no layer below",
        )
    raise ArchiveError(
        f"the image has no {kind} `{name[:40]}` in {file}", hint="write a number, or add it before"
    )


def unpack_archive(archive: ForwardReader, copies: CopyWriter) -> None:
    """Add what a tar holds below the destination; raises ArchiveError.

    Modes are the archive's own, as with BuildKit, and owners unless one is asked for.
    """
    copies.top()
    asked = copies.destination
    copies.destination = Destination(asked.path)
    for entry, contents in read_tar(archive):
        name = entry_path(entry.name)
        if not name:
            continue
        path, mode = copies.place(name), entry.mode & 0o7777
        owner = asked.owner or Owner(entry.uid, entry.gid)
        if entry.isdir():
            copies.unpacked_folder(path, mode, owner)
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

    A folder without a path stands for the destination.

    Files come in the layers' order; several names of one file stay names of one file.
    """
    wanted: dict[tuple[int, str], list[str]] = {}
    for below, node in sorted(chosen.items()):
        path, owner = copies.place(below, single=single), Owner(node.uid, node.gid)
        if not below:
            copies.top()
        elif node.is_folder:
            copies.folder(path, node.mode, owner)
        elif node.is_link:
            copies.link(path, node.target, owner)
        elif node.kind == tarfile.FIFOTYPE:
            copies.fifo(path, node.mode, owner)
        elif node.is_file:
            wanted.setdefault((node.layer, node.origin), []).append(path)
        else:
            raise ArchiveError(
                f"`{below}` is neither file, folder nor link: it cannot be copied",
                hint="leave it out by `--exclude`",
            )
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


def find_suffix(file: SeekableSource) -> str | None:
    """How a file is compressed that is a tar, whatever its name is; None for every other file."""
    begin = file.read(6)
    file.seek(0)
    suffix = next((suffix for magic, suffix in _MAGIC.items() if begin.startswith(magic)), "")
    try:
        header = open_compressed(file, suffix, limit=MAX_LAYER).read(BLOCK)
        tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except (ArchiveError, tarfile.HeaderError):
        return None
    return suffix
