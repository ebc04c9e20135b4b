"""A file on a server that is read as if it lay here: range requests for what is not known yet."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.sources.http import HttpClient, Page, StatusError
from envbuild.sources.url import redact

_FIRST: Final = 1 << 16  # bytes: most zips have their directory in so many at their end
_MOST: Final = 16 << 20  # bytes of one read
_CONTENT_RANGE = compile_later(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})\Z")
_NO_RANGES = (200, 416, 501)  # what servers say that know none


@dataclass(frozen=True, slots=True)
class _Part:
    begin: int
    data: bytes

    @property
    def end(self) -> int:
        return self.begin + len(self.data)


def open_remote(http: HttpClient, url: str, headers: Mapping[str, str]) -> RemoteFile | None:
    """The file, whose end is read already; None where the server knows no ranges. Raises SourceError."""
    try:
        answer = http.read(url, _FIRST, {**headers, "Range": f"bytes=-{_FIRST}"}, status=206)
    except StatusError as error:
        if error.status not in _NO_RANGES:
            raise
        return None
    tail = _read_tail(answer)
    return RemoteFile(http, url, headers, tail) if tail else None


def _read_tail(answer: Page) -> _Part | None:
    """The end of the file, None where header and body do not fit each other (RFC 9110, section 14.4)."""
    match = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    if not match:
        return None
    begin, last, size = map(int, match.groups())
    return _Part(begin, answer.body) if last + 1 == size == begin + len(answer.body) else None


class RemoteFile(io.RawIOBase):
    """A file on a server. What is read on and on is asked for in ever larger parts."""

    def __init__(self, http: HttpClient, url: str, headers: Mapping[str, str], tail: _Part) -> None:
        self._http, self._url, self._headers = http, url, headers
        self.size = tail.end
        self._position = 0
        self._parts = [tail]
        self._ahead = _FIRST

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
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError("position before the start")
        self._position = start + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; asks the server for what is not known yet."""
        end = self.size if size < 0 else min(self._position + size, self.size)
        if end <= self._position:
            return b""
        part = self._find(self._position, end)
        data = part.data[self._position - part.begin : end - part.begin]
        self._position = end
        return data

    def _find(self, begin: int, end: int) -> _Part:
        for part in self._parts:
            if part.begin <= begin <= end <= part.end:
                return part
        if any(part.end in (begin, end) for part in self._parts):
            self._ahead = min(self._ahead * 2, _MOST)
        part = self._ask(begin, end)
        # The last two are enough: a directory, and what it leads to.
        self._parts = [*self._parts[-1:], part]
        return part

    def _ask(self, begin: int, end: int) -> _Part:
        if end - begin > _MOST:
            raise OSError("too large")
        last = min(max(end, begin + self._ahead), self.size) - 1
        wanted = {**self._headers, "Range": f"bytes={begin}-{last}"}
        answer = self._http.read(self._url, last - begin + 1, wanted, status=206)
        stated = answer.headers.get("Content-Range")
        if stated != f"bytes {begin}-{last}/{self.size}" or len(answer.body) != last - begin + 1:
            raise SourceError(
                f"`{redact(self._url)}` answered with another range than asked for",
                hint="try again; a proxy or a cache may be in between",
            )
        return _Part(begin, answer.body)
