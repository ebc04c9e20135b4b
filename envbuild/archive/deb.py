"""Debian packages (deb(5)): their control files, and their files as a layer."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

from envbuild.archive.ar import list_members
from envbuild.archive.base_folders import folder_mode
from envbuild.archive.decompress import PIECE, ForwardReader, Section, Source, open_compressed
from envbuild.archive.layer import EPOCH, LayerWriter, Sink, check_path
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import folders_above
from envbuild.archive.merged_usr import is_alias, merge_usr
from envbuild.archive.tar_reader import read_tar, read_whole
from envbuild.core.errors import ArchiveError
from envbuild.core.text import excerpt

MAX_CONTROL: Final = 64 << 20
MAX_DATA: Final = 16 << 30  # the largest packages in use, GPU libraries, unpack to some 5 GiB


def write_deb_layer(deb: BinaryIO, out: Sink, *, merged_usr: bool = True, epoch: int = EPOCH) -> LayerInfo:
    """Write the files of a package with their modes, owners and links.

    They are placed for merged /usr; without `merged_usr`, where the package has them.
    Raises ArchiveError for a package that is damaged, or holds anything else or a path that leaves the root.
    """
    writer = LayerWriter(out, epoch=epoch)
    folders: set[str] = set()
    paths: set[str] = set()
    place = merge_usr if merged_usr else str
    for path, entry, contents in _placed_entries(deb, place):
        paths.add(path)
        if entry.isdir():
            # `bin/` and `usr/bin/` of one package are one folder.
            if path not in folders:
                folders.add(path)
                writer.directory(path, mode=entry.mode & 0o7777, uid=entry.uid, gid=entry.gid)
        elif entry.issym():
            writer.symlink(path, entry.linkname, uid=entry.uid, gid=entry.gid)
        elif entry.islnk():
            writer.hardlink(path, place(_relative(entry.linkname)))
        else:
            _write_file(writer, path, entry, contents)
    # `lib/x` names no `usr`; and what lies below a link of the package itself is refused here.
    for path in sorted(folders_above(paths) - folders):
        writer.directory(path, mode=folder_mode(path))
    return writer.finish()


def read_control(deb: BinaryIO) -> Mapping[str, bytes]:
    """The control files by name: `control`, `md5sums`, maintainer scripts; raises ArchiveError."""
    files: dict[str, bytes] = {}
    for entry, contents in read_tar(_open_member(deb, "control.tar", MAX_CONTROL)):
        name = _relative(entry.name)
        if name in files:
            raise ArchiveError(f"`{excerpt(name)}` is in a Debian package's control files twice")
        if entry.isreg():
            files[name] = read_whole(contents, entry.size)
    if "control" not in files:
        raise ArchiveError("a Debian package has no `control` file")
    return files


def read_files(deb: BinaryIO, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Those plain files of a package whose path, placed for merged /usr, is wanted; at most 64 MiB in all."""
    files: dict[str, bytes] = {}
    room = MAX_CONTROL
    for path, entry, contents in _placed_entries(deb, merge_usr):
        if entry.isreg() and wanted(path):
            room -= entry.size
            if room < 0:
                raise ArchiveError(f"`{path}` is too large to be a template")
            files[path] = read_whole(contents, entry.size)
    return files


def list_paths(deb: BinaryIO) -> tuple[str, ...]:
    """The paths of a package as it has them, with a slash before each, in its order; `/.` is the root."""
    entries = read_tar(_open_member(deb, "data.tar", MAX_DATA))
    return tuple(f"/{_relative(entry.name) or '.'}" for entry, _ in entries)


def _placed_entries(
    deb: BinaryIO, place: Callable[[str], str]
) -> Iterator[tuple[str, tarfile.TarInfo, Source]]:
    """The entries with their place in the image, without the root and the links that are its own."""
    for entry, contents in read_tar(_open_member(deb, "data.tar", MAX_DATA)):
        path = _relative(entry.name)
        if not path and entry.isdir():
            continue
        check_path(path)
        if not (is_alias(path) and entry.issym()):
            yield place(path), entry, contents


def _write_file(writer: LayerWriter, path: str, entry: tarfile.TarInfo, contents: Source) -> None:
    mode = entry.mode & 0o7777
    if entry.size <= PIECE:
        writer.file(path, contents.read(entry.size), mode=mode, uid=entry.uid, gid=entry.gid)
    else:
        writer.copied_file(path, contents, entry.size, mode=mode, uid=entry.uid, gid=entry.gid)


def _open_member(deb: BinaryIO, stem: str, limit: int) -> ForwardReader:
    members = [m for m in list_members(deb) if m.name == stem or m.name.startswith(stem + ".")]
    if len(members) != 1:  # of several, readers would take either
        raise ArchiveError(f"a Debian package has {'several' if members else 'no'} `{stem}`")
    section = Section(deb, members[0].offset, members[0].size)
    return open_compressed(section, members[0].name.removeprefix(stem), limit=limit)


def _relative(name: str) -> str:
    """An entry's name without `./`; the root becomes ""."""
    return "" if name == "." else name.removeprefix("./").rstrip("/")
