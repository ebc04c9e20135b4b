"""A wheel's size and METADATA, read with a range request or two instead of the whole file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.sources.http import HttpClient
from envbuild.sources.kept_values import KeptValues
from envbuild.sources.remote_file import open_remote
from envbuild.sources.url import redact

_MAX_METADATA = 16 << 20
MAX_WHEEL = 8 << 30
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what a wheel may use (docs/wheel-layers.md)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError, EOFError)
_METADATA = compile_later(r"[^/]+\.dist-info/METADATA\Z")


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


def metadata_cache(folder: Path) -> KeptValues[WheelMetadata]:
    """The metadata of wheels, kept in a folder."""
    return KeptValues(folder, lambda each: [each.size, each.text], _decode)


def _decode(value: Any) -> WheelMetadata:
    size, text = value
    if not isinstance(size, int) or not isinstance(text, str):
        raise TypeError("no metadata")
    return WheelMetadata(size, text)


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
    remote = open_remote(http, url, headers)
    if remote is None:
        return _read_whole(http, url, headers, limit)
    return WheelMetadata(remote.size, _metadata_text(cast("IO[bytes]", remote), url))


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
