"""The one writer of layers: a tar of entries as gzip members (OCI image spec, layer.md).

Headers and small files share members; a large body may be a member of its own that carries a
deflate stream unchanged. Directories come last, in members with the end of the archive: packages
share directories, and some engines refuse a path that is there twice, so layers are merged by putting
what is before the directories one behind another (merge.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, runtime_checkable

from envbuild.archive import tar_header
from envbuild.archive.decompress import Source
from envbuild.archive.gzip import carry_chunks, carry_stream, compress_member, crc32, inflate_members
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import Entry, Kind
from envbuild.archive.tar_header import BLOCK, NO_ATTRIBUTES, encode_header, padding
from envbuild.core.digest import PREFIX, Digest
from envbuild.core.errors import ArchiveError

EPOCH: Final = 315532800  # 1980-01-01 00:00:00 UTC, the first moment that a zip can tell
CHUNK: Final = 1 << 20  # a shared member holds at most this much: whoever compresses needs it in memory
END: Final = bytes(2 * BLOCK)  # of a tar

MAX_PATH: Final = 4095  # bytes: Linux's PATH_MAX without the NUL; no kernel opens, or links to, a longer one
MAX_NAME: Final = 255  # bytes: NAME_MAX
MAX_DEPTH: Final = 128  # folders of a path: each of them is an entry of its own, which one name may multiply
MAX_ENTRIES: Final = 1_000_000
_REFUSED_PARTS: Final = frozenset(("", ".", ".."))


class Sink(Protocol):
    """Where a layer's bytes go, such as a `BlobWriter`; what was written before an error must be dropped."""

    def write(self, data: bytes, /) -> int:
        """Append bytes."""


@runtime_checkable
class HashedSink(Sink, Protocol):
    """A sink that hashes what it gets, as a store does: the layer's digest is taken from it."""

    def digest(self) -> Digest:
        """The digest of what was written so far."""


class LayerWriter:
    """Writes a layer, entry after entry, into `out`; memory holds one shared member and one carried body.

    Paths are relative to the root. The caller names every directory above what it adds: engines make
    those that a layer does not name with a mode of their own, and that hides the base's.
    Every method raises ArchiveError for a path that is refused or there twice.
    """

    def __init__(self, out: Sink, *, epoch: int = EPOCH) -> None:
        self._out = out if isinstance(out, HashedSink) else _Hashing(out)
        self._epoch = epoch
        self._contents = hashlib.sha256()
        self._uncompressed = 0
        self._shared = bytearray()
        self._entries: dict[str, Entry] = {}
        self._attributes: dict[str, Mapping[str, bytes]] = {}

    def attributes(self, path: str, attributes: Mapping[str, bytes]) -> None:
        """State the extended attributes of what is added at `path` next."""
        self._attributes[path] = attributes

    def directory(self, path: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        """Add a directory; it is written at the end."""
        self._note(Entry(path, Kind.DIRECTORY, mode, uid, gid))

    def fifo(self, path: str, *, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        """Add a named pipe."""
        self._add(Entry(path, Kind.FIFO, mode, uid, gid), tar_header.FIFO)

    def symlink(self, path: str, target: str, *, uid: int = 0, gid: int = 0) -> None:
        """Add a symbolic link; its target is kept as it is."""
        self._add(Entry(path, Kind.SYMLINK, 0o777, uid, gid, target=target), tar_header.SYMLINK)

    def hardlink(self, path: str, target: str) -> None:
        """Add another name of a file that this layer holds already."""
        first = self._entries.get(target)
        if first is None or first.kind != Kind.FILE:
            raise ArchiveError(f"`{path}` is a hard link to `{target}`, which is no file before it")
        self._add(
            Entry(path, Kind.HARDLINK, first.mode, first.uid, first.gid, target=target), tar_header.HARDLINK
        )

    def file(
        self,
        path: str,
        data: bytes | bytearray | memoryview,
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        crc: int | None = None,
    ) -> None:
        """Add a file from memory, whose CRC-32 the caller may know."""
        self._add(Entry(path, Kind.FILE, mode, uid, gid, len(data), crc32(data) if crc is None else crc))
        self._share(data)
        self._share(padding(len(data)))

    def copied_file(
        self, path: str, source: Source, size: int, *, mode: int = 0o644, uid: int = 0, gid: int = 0
    ) -> int:
        """Add a file of `size` bytes from a stream, which may be larger than memory; returns its CRC-32."""
        self._add(Entry(path, Kind.FILE, mode, uid, gid, size))
        crc, left = 0, size
        while left:
            piece = source.read(min(left, CHUNK))
            if not piece:
                raise ArchiveError(f"`{path}` ends early")
            self._share(piece)
            crc, left = crc32(piece, crc), left - len(piece)
        self._share(padding(size))
        self._entries[path] = Entry(path, Kind.FILE, mode, uid, gid, size, crc)
        return crc

    def deflated_file(
        self, path: str, stream: bytes | memoryview, *, size: int, crc: int, mode: int = 0o644
    ) -> None:
        """Add a file whose raw deflate stream is carried unchanged; it must have this size and CRC."""
        member, data = carry_stream(stream, size=size, crc=crc)
        self._add(Entry(path, Kind.FILE, mode, 0, 0, size, crc))
        self._flush()
        self._out.write(member)
        self._count(data)
        self._share(padding(size))

    def deflated_chunks(
        self, path: str, chunks: Iterable[bytes], *, size: int, crc: int, mode: int = 0o644
    ) -> None:
        """`deflated_file` for a stream that comes in chunks and whose contents may be larger than memory."""
        self._add(Entry(path, Kind.FILE, mode, 0, 0, size, crc))
        self._flush()
        for piece, contents in carry_chunks(chunks, size=size, crc=crc):
            self._out.write(piece)
            self._count(contents)
        self._share(padding(size))

    def append(self, body: Iterable[bytes], entries: Iterable[Entry]) -> None:
        """Add what another writer wrote before the directories, its members as they are.

        `entries` describe it. Raises ArchiveError where it is damaged.
        """
        self._flush()
        for piece in inflate_members(self._passing(body)):
            self._count(piece)
        if self._uncompressed % BLOCK:
            raise ArchiveError("a layer does not end at a block")
        for entry in entries:
            self._note(entry)

    def finish(self) -> LayerInfo:
        """Write the directories, by path, and end the archive; nothing may be added after."""
        self._flush()
        body = self._out.digest().size
        folders = [entry for entry in self._entries.values() if entry.kind == Kind.DIRECTORY]
        folders.sort(key=lambda entry: entry.path)
        for entry in folders:
            self._share(self._header(entry, f"{entry.path}/", tar_header.DIRECTORY))
        self._share(END)
        self._flush()
        files = (entry for entry in self._entries.values() if entry.kind != Kind.DIRECTORY)
        diff_id = PREFIX + self._contents.hexdigest()
        return LayerInfo(self._out.digest(), diff_id, self._uncompressed, body, (*files, *folders))

    def _add(self, entry: Entry, kind: bytes = tar_header.FILE) -> None:
        self._note(entry)
        self._share(self._header(entry, entry.path, kind))

    def _header(self, entry: Entry, name: str, kind: bytes) -> bytes:
        return encode_header(
            name,
            kind,
            entry.mode,
            self._epoch,
            owner=(entry.uid, entry.gid),
            size=entry.size,
            target=entry.target,
            attributes=self._attributes.get(entry.path, NO_ATTRIBUTES),
        )

    def _note(self, entry: Entry) -> None:
        check_path(entry.path)
        if entry.path in self._entries:
            raise ArchiveError(f"`{entry.path}` is there twice")
        if len(self._entries) >= MAX_ENTRIES:
            raise ArchiveError(f"a layer holds more than {MAX_ENTRIES} entries")
        if entry.kind is Kind.SYMLINK:
            _check_target(entry)
        self._entries[entry.path] = entry

    def _share(self, data: bytes | bytearray | memoryview) -> None:
        """Append to the shared member, which ends where it is full however `data` was cut."""
        if len(self._shared) + len(data) < CHUNK:
            self._shared += data
            return
        data = memoryview(data)  # cutting it copies nothing
        room = CHUNK - len(self._shared)
        while len(data) >= room:
            self._shared += data[:room]
            data = data[room:]
            self._flush()
            room = CHUNK
        self._shared += data

    def _flush(self) -> None:
        if self._shared:
            self._count(self._shared)
            self._out.write(compress_member(self._shared))
            self._shared.clear()

    def _passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Write each chunk and hand it on."""
        for chunk in chunks:
            self._out.write(chunk)
            yield chunk

    def _count(self, data: bytes | bytearray) -> None:
        self._contents.update(data)
        self._uncompressed += len(data)


def check_path(path: str) -> None:
    """Raise ArchiveError unless `path` is relative, stays below the root and can be written down."""
    if _is_plain(path):
        return
    if not _REFUSED_PARTS.isdisjoint(path.split("/")) or "\0" in path or "\n" in path:
        raise ArchiveError(f"`{_shown(path)}` is not a path that a layer may hold")
    check_length(path)


def _is_plain(path: str) -> bool:
    """Whether a look is enough: short ASCII without hidden names, as nearly all paths are."""
    return (
        0 < len(path) <= MAX_NAME
        and path.isascii()
        and path.isprintable()
        and path[0] not in "./"
        and path[-1] != "/"
        and "/." not in path
        and "//" not in path
    )


def check_length(path: str) -> None:
    """Raise ArchiveError for a path that is too long, or lies too deep."""
    parts = path.split("/")
    # A path that is as short as a name may be needs no second look.
    size = len(path) if path.isascii() else _size(path)
    if size > MAX_NAME and (size > MAX_PATH or max(map(_size, parts)) > MAX_NAME):
        raise ArchiveError(
            f"`{_shown(path)}` is too long: paths have at most {MAX_PATH} bytes, names {MAX_NAME}"
        )
    if len(parts) > MAX_DEPTH:
        raise ArchiveError(f"`{_shown(path)}` lies more than {MAX_DEPTH} folders deep")


def _check_target(link: Entry) -> None:
    target = link.target
    if not target or "\0" in target or "\n" in target or _size(target) > MAX_PATH:
        raise ArchiveError(f"`{link.path}` links to `{_shown(target)}`, which is no path")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _shown(text: str) -> str:
    """Some of a text that may be anything, as ASCII."""
    return ascii(text if len(text) <= MAX_NAME else text[:40] + " ... " + text[-40:])[1:-1]


class _Hashing:
    """A HashedSink of a sink that does not hash."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._sha256 = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> int:
        self._sha256.update(data)
        self._size += len(data)
        return self._out.write(data)

    def digest(self) -> Digest:
        return Digest(self._sha256.hexdigest(), self._size)
