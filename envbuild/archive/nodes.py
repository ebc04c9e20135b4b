"""Files, folders and links that are made up rather than unpacked, and a layer of them."""

from __future__ import annotations

from collections.abc import Iterable

from envbuild.archive.base_folders import folder_mode
from envbuild.archive.layer import LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import folders_above
from envbuild.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """A file with its contents."""

    path: str
    data: bytes
    mode: int = 0o644
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder."""

    path: str
    mode: int = 0o755
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    path: str
    target: str


Node = File | Folder | Link


def write_nodes(nodes: Iterable[Node], out: Sink, *, epoch: int) -> LayerInfo:
    """Write a layer of nodes and the folders above them; raises ArchiveError for two of one path."""
    writer = LayerWriter(out, epoch=epoch)
    named = sorted(nodes, key=lambda node: node.path)
    above = folders_above(node.path for node in named)
    implied = sorted(above.difference(node.path for node in named))
    for node in [*named, *(Folder(path, folder_mode(path)) for path in implied)]:
        if isinstance(node, File):
            writer.file(node.path, node.data, mode=node.mode, gid=node.gid)
        elif isinstance(node, Folder):
            writer.directory(node.path, mode=node.mode, gid=node.gid)
        else:
            writer.symlink(node.path, node.target)
    return writer.finish()
