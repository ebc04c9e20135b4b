"""Several packages' layers as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, Final

from envbuild.archive.decompress import ForwardReader
from envbuild.archive.gzip import inflate_members
from envbuild.archive.layer import END, EPOCH, LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import Entry, Kind
from envbuild.archive.tar_reader import read_tar
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError

_READ_SIZE: Final = 4 << 20  # most members lie whole in what is read, and are inflated at once


@dataclass(frozen=True, slots=True)
class MergePart:
    """A layer to merge: a seekable file, what is known of it, and its listing."""

    layer: BinaryIO
    info: LayerInfo
    entries: tuple[Entry, ...]


def merge_layers(parts: Sequence[MergePart], out: Sink, *, epoch: int = EPOCH) -> LayerInfo:
    """Put layers of our writer one behind another, their members as they are.

    A directory that several have is there once, with the last one's mode and owner. A file that an
    earlier layer has, too, is left out: whether the two are equal is checked over the whole image
    (`check_paths`). Raises ArchiveError where a layer is damaged.
    """
    writer = LayerWriter(out, epoch=epoch)
    folders: dict[str, Entry] = {}
    taken: set[str] = set()
    for part in parts:
        files = [entry for entry in part.entries if entry.kind != Kind.DIRECTORY]
        folders |= {entry.path: entry for entry in part.entries if entry.kind == Kind.DIRECTORY}
        if taken.isdisjoint(entry.path for entry in files):
            writer.append(_read_body(part), files)
        else:
            _copy_others(part, taken, writer)
        taken.update(entry.path for entry in files)
    for path, entry in sorted(folders.items()):
        if path not in taken:
            writer.directory(path, mode=entry.mode, uid=entry.uid, gid=entry.gid)
    return writer.finish()


def _read_body(part: MergePart) -> Iterator[bytes]:
    """The chunks of a layer before its directories."""
    left = part.info.body
    part.layer.seek(0)
    while left:
        chunk = part.layer.read(min(left, _READ_SIZE))
        if not chunk:
            raise ArchiveError("a layer ends early")
        left -= len(chunk)
        yield chunk


def _copy_others(part: MergePart, taken: set[str], writer: LayerWriter) -> None:
    """Add a layer's files entry by entry, but for those at paths that are taken."""
    pieces = chain(inflate_members(_read_body(part)), (END,))
    for entry, contents in read_tar(ForwardReader(pieces, part.info.uncompressed)):
        if entry.name in taken:
            continue
        if entry.issym():
            writer.symlink(entry.name, entry.linkname, uid=entry.uid, gid=entry.gid)
        elif entry.islnk():
            writer.hardlink(entry.name, entry.linkname)
        else:
            writer.copied_file(
                entry.name, contents, entry.size, mode=entry.mode, uid=entry.uid, gid=entry.gid
            )
