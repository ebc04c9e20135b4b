"""A wheel's size and METADATA, read with a range request or two instead of the whole file."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, cast

from envbuild.core.errors import SourceError
from envbuild.sources.http import HttpClient
from envbuild.sources.url import redact

_TAIL = 1 << 16  # bytes: holds the directory and METADATA of most wheels, which lie at their end
_MAX_METADATA = 16 << 20
_MAX_WHEEL = 8 << 30
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")
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


def peek_wheel(http: HttpClient, url: str, headers: Mapping[str, str]) -> WheelMetadata:
    """The metadata of a wheel at a URL; reads the whole file only from a server without ranges.

    Not verified: the bytes are, when the wheel is fetched. Raises SourceError.
    """
    with http.get(url, {**headers, "Range": f"bytes=-{_TAIL}"}) as response:
        match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if response.status == 206 and match:
            tail = _Part(int(match[1]), response.read(_TAIL))
            remote = _RemoteFile(http, url, headers, int(match[3]), tail)
            return WheelMetadata(int(match[3]), _metadata_text(cast("IO[bytes]", remote), url))
        if response.status not in (200, 206, 416, 501):
            response.expect(200)
    return _read_whole(http, url, headers)


def _read_whole(http: HttpClient, url: str, headers: Mapping[str, str]) -> WheelMetadata:
    with http.get(url, headers).expect(200) as response, TemporaryFile() as file:
        size = 0
        for piece in response.stream():
            size += file.write(piece)
            if size > _MAX_WHEEL:
                raise SourceError(f"`{redact(url)}` is larger than any wheel")
        return WheelMetadata(size, _metadata_text(file, url))


def _metadata_text(file: IO[bytes], shown: str) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.read(_metadata_entry(archive)).decode("utf-8", "replace")
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        name = redact(shown) if "://" in shown else shown
        raise SourceError(f"`{name}` is no wheel: it has no readable METADATA") from None


def _metadata_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [info for info in archive.infolist() if _METADATA.match(info.filename)]
    if len(found) != 1 or found[0].file_size > _MAX_METADATA:
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
        with self._http.get(self._url, wanted).expect(206) as response:
            return _Part(begin, response.read(last - begin + 1))
