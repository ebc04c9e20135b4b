"""Directories as Merkle trees: the REAPI v2 `Directory` message and its digests."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.wire import bytes_field, integer_field, message_field, text_field


@dataclass(frozen=True, slots=True)
class FileNode:
    """A file's content and whether it may be executed."""

    digest: Digest
    executable: bool = False


@dataclass(frozen=True, slots=True)
class SymlinkNode:
    """A symbolic link's target, as written in the link."""

    target: str


Node = FileNode | SymlinkNode


@dataclass(frozen=True, slots=True)
class Tree:
    """A root directory's digest, and the encoded `Directory` messages below and including it."""

    root: Digest
    directories: Mapping[Digest, bytes] = field(compare=False)


def encode_digest(digest: Digest) -> bytes:
    """The REAPI `Digest` message."""
    return text_field(1, digest.hash) + integer_field(2, digest.size)


def build_tree(nodes: Mapping[str, Node]) -> Tree:
    """The Merkle tree of files at relative "/"-separated paths; the order of `nodes` is irrelevant."""
    root: dict[str, object] = {}
    for path, node in nodes.items():
        *folders, name = path.split("/")
        if any(part in ("", ".", "..") for part in [*folders, name]):
            raise ValueError(f"`{path}` is not a relative path")
        folder = root
        for part in folders:
            below = folder.setdefault(part, {})
            if not isinstance(below, dict):
                raise ValueError(f"`{path}` lies below a file")
            folder = below
        if name in folder:
            raise ValueError(f"`{path}` is there twice")
        folder[name] = node
    directories: dict[Digest, bytes] = {}
    return Tree(_encode(root, directories), directories)


def _encode(folder: Mapping[str, object], into: dict[Digest, bytes]) -> Digest:
    files, folders, links = [], [], []
    for name, node in sorted(folder.items(), key=lambda item: item[0].encode()):
        head = text_field(1, name)
        if isinstance(node, FileNode):
            body = head + message_field(2, encode_digest(node.digest)) + integer_field(4, node.executable)
            files.append(message_field(1, body))
        elif isinstance(node, SymlinkNode):
            links.append(message_field(3, head + text_field(2, node.target)))
        elif isinstance(node, dict):
            below = encode_digest(_encode(node, into))
            folders.append(message_field(2, head + bytes_field(2, below)))
    data = b"".join([*files, *folders, *links])
    digest = Digest.of(data)
    into[digest] = data
    return digest
