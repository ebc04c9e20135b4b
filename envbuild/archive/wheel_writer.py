"""A wheel from the files of one that a layer has: the same files, the same bytes, whoever packed it first."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping
from typing import IO, Final, cast

from envbuild.archive.decompress import PIECE, ForwardReader, Source
from envbuild.archive.layer import Sink
from envbuild.archive.tar_reader import read_tar
from envbuild.archive.wheel_info import MAX_METADATA
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_TOLD: Final = compile_later(r"[^/]+\.dist-info/(METADATA|WHEEL)\Z")


def write_wheel(layer: ForwardReader, out: Sink, folder: str) -> Mapping[str, str]:
    """Write the files below `folder` of a layer as a wheel; returns the texts of METADATA and WHEEL.

    They are in the order of the layer, of one time, and not compressed: the layer that is made of them
    is. Raises ArchiveError for what is neither file nor folder, and where there is no such folder.
    """
    told: dict[str, str] = {}
    with zipfile.ZipFile(cast("IO[bytes]", _Written(out)), "w") as archive:
        for entry, contents in read_tar(layer):
            name = entry.name.removeprefix(f"{folder}/")
            if name == entry.name or entry.isdir():
                continue
            if not entry.isreg():
                raise ArchiveError(f"`{excerpt(name)}` of the wheel is no file")
            data = _add(archive, name, contents, entry.size, entry.mode)
            if match := _TOLD.match(name):
                told[match[1]] = data.decode()
    if told.keys() != {"METADATA", "WHEEL"}:
        raise ArchiveError("the backend made no wheel with METADATA and WHEEL")
    return told


class _Written:
    """A sink as zipfile wants it, which cannot seek: sizes then stand behind each member."""

    def __init__(self, out: Sink) -> None:
        self._out = out

    def write(self, data: bytes, /) -> int:
        """Pass bytes on."""
        self._out.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _add(archive: zipfile.ZipFile, name: str, contents: Source, size: int, mode: int) -> bytes:
    """Add a file; returns its first bytes."""
    info = zipfile.ZipInfo(name, _TIME)
    info.create_system, info.file_size = _UNIX, size
    info.external_attr = (stat.S_IFREG | (0o755 if mode & 0o111 else 0o644)) << 16
    first = b""
    with archive.open(info, "w") as file:
        while piece := contents.read(PIECE):
            first = first or piece[:MAX_METADATA]
            file.write(piece)
    return first
