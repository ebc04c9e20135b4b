"""A wheel's size and METADATA, read with a range request or two instead of the whole file."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, cast

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.sources.http import HttpClient, Page, StatusError
from envbuild.sources.url import redact

_TAIL = 1 << 16  # bytes: holds the directory and METADATA of most wheels, which lie at their end
_MAX_METADATA = 16 << 20
MAX_WHEEL = 8 << 30
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what a wheel may use (docs/wheel-layers.md)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})\Z")
_NO_RANGES = (200, 416, 501)  # what servers say that know none
_UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError, EOFError)
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA\Z")


@dataclass(frozen=True, slots=True)
class WheelMetadata:
    """What a lock needs to know of a wheel: bytes of the file, and its METADATA's text."""

    size: int
    text: str

    def values(self, field: str) -> tuple[str, ...]:
        """All values of a field (Core metadata specification), unfolded, in order."""
        from email.parser import HeaderParser

        found = HeaderParser().parsestr(self.text).get_all(field, [])
        return tuple(" ".join(str(each).split()) for each in found)


def read_wheel_metadata(path: Path) -> WheelMetadata:
    """The metadata of a local wheel; raises SourceError."""
    with path.open("rb") as file:
        return WheelMetadata(path.stat().st_size, _metadata_text(file, path.name))


def peek_wheel(
    http: HttpClient, url: str, headers: Mapping[str, str], limit: int = MAX_WHEEL
) -> WheelMetadata:
    """The metadata of a wheel at a URL; reads the whole file only from a server without ranges.

    No more than `limit` bytes are read, however long the file is. Nothing is verified: the bytes are
    when the wheel is fetched. Raises SourceError.
    """
    try:
        answer = http.read(url, _TAIL, {**headers, "Range": f"bytes=-{_TAIL}"}, status=206)
    except StatusError as error:
        if error.status not in _NO_RANGES:
            raise
        return _read_whole(http, url, headers, limit)
    tail = _read_tail(answer)
    if tail is None:
        return _read_whole(http, url, headers, limit)
    size = tail.begin + len(tail.data)
    remote = _RemoteFile(http, url, headers, size, tail)
    return WheelMetadata(size, _metadata_text(cast("IO[bytes]", remote), url))


def _read_tail(answer: Page) -> _Part | None:
    """The end of the file, None where the answer's header and body do not fit each other (RFC 9110, 14.4)."""
    match = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    if not match:
        return None
    begin, last, size = map(int, match.groups())
    return _Part(begin, answer.body) if last + 1 == size == begin + len(answer.body) else None


def _read_whole(http: HttpClient, url: str, headers: Mapping[str, str], limit: int) -> WheelMetadata:
    with TemporaryFile() as file:
        size = 0
        for piece in http.stream(lambda extra: http.get(url, {**headers, **extra})):
            size += file.write(piece)
            if size > limit:
                raise SourceError(f"`{redact(url)}` is larger than any wheel", hint="check the address")
        return WheelMetadata(size, _metadata_text(file, url))


def _metadata_text(file: IO[bytes], shown: str) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            entry = _metadata_entry(archive)
            with archive.open(entry) as member:
                # `archive.read` would unpack all that is there, however much, and then cut it off.
                data = member.read(entry.file_size + 1)
            if len(data) != entry.file_size:
                raise zipfile.BadZipFile
            return data.decode("utf-8", "replace")
    except _UNREADABLE:
        name = redact(shown) if "://" in shown else shown
        raise SourceError(
            f"`{name}` is no wheel: it has no readable METADATA",
            hint="the file or the answer is damaged: try again, or use another version",
        ) from None


def _metadata_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [info for info in archive.infolist() if _METADATA.match(info.filename)]
    if len(found) != 1 or found[0].file_size > _MAX_METADATA or found[0].compress_type not in _METHODS:
        raise zipfile.BadZipFile
    # Else the file is not as long as the server says: zipfile looks for its parts from the end.
    if min(info.header_offset for info in archive.infolist()) != 0:
        raise zipfile.BadZipFile
    return found[0]


@dataclass(frozen=True, slots=True)
class _Part:
    begin: int
    data: bytes


class _RemoteFile(io.RawIOBase):
    """A file on a server, for zipfile: known bytes, and range requests for the others."""

    def __init__(
        self, http: HttpClient, url: str, headers: Mapping[str, str], size: int, tail: _Part
    ) -> None:
        self._http, self._url, self._headers = http, url, headers
        self._size = size
        self._position = 0
        self._part = tail

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; a position before the start is an OSError, as for a real file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("position before the start")
        self._position = start + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; asks the server for what is not known yet."""
        end = self._size if size < 0 else min(self._position + size, self._size)
        if end <= self._position:
            return b""
        part = self._part
        if not part.begin <= self._position <= end <= part.begin + len(part.data):
            part = self._part = self._ask(self._position, end)
        data = part.data[self._position - part.begin : end - part.begin]
        self._position = end
        return data

    def _ask(self, begin: int, end: int) -> _Part:
        if end - begin > _MAX_METADATA:
            raise OSError("too large")
        last = min(max(end, begin + _TAIL), self._size) - 1
        wanted = {**self._headers, "Range": f"bytes={begin}-{last}"}
        answer = self._http.read(self._url, last - begin + 1, wanted, status=206)
        stated = answer.headers.get("Content-Range")
        if stated != f"bytes {begin}-{last}/{self._size}" or len(answer.body) != last - begin + 1:
            raise SourceError(
                f"`{redact(self._url)}` answered with another range than asked for",
                hint="try again; a proxy or a cache may be in between",
            )
        return _Part(begin, answer.body)
