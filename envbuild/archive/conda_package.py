"""Conda packages in both formats: what describes them, and their files (CEP 34, CEP 35)."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from envbuild.archive.decompress import ForwardReader, Section, Source, open_compressed, open_frames
from envbuild.archive.layer import check_path
from envbuild.archive.tar_reader import read_tar, read_whole
from envbuild.archive.zip_archive import Member, ZipArchive
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.core.wire import parse_json

MAX_CONTENTS: Final = 16 << 30  # the largest packages in use, GPU libraries, unpack to some 5 GiB
MAX_INFO: Final = 1 << 30  # recipes and tests lie there, too
MAX_DOCUMENT: Final = 64 << 20  # a `paths.json` of 300,000 files

INFO: Final = "info/"
# What installing looks at. The rest describes how the package was made.
_DOCUMENTS: Final = frozenset(
    f"{INFO}{name}"
    for name in ("index.json", "paths.json", "link.json", "files", "has_prefix", "no_link", "no_softlink")
)
_MEMBER: Final = compile_later(r"(info|pkg)-[^/]+\.tar\.zst")

Content = tuple[str, tarfile.TarInfo, Source]
"""A path of a package, its entry, and what it holds."""


class CondaPackage:
    """A package in a seekable file, which stays the caller's; every method raises ArchiveError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        self._members = _find_members(file) if file.read(4) == b"PK\3\4" else {}

    def read_info(self) -> Mapping[str, bytes]:
        """The documents below `info/` that installing looks at, by name."""
        found: dict[str, bytes] = {}
        for path, entry, contents in self._entries("info", MAX_INFO):
            if path.startswith(INFO):
                _note_document(found, path, entry, contents)
            elif self._members:
                raise ArchiveError(f"`{excerpt(path)}` lies among what describes the package")
            elif _suffices(found):
                break
        return {path.removeprefix(INFO): data for path, data in found.items()}

    def contents(self) -> Iterator[Content]:
        """The files and links outside of `info/`, in order; no path comes twice or leaves the package."""
        seen: set[str] = set()
        for path, entry, contents in self._entries("pkg", MAX_CONTENTS):
            if path in seen:
                raise ArchiveError(f"`{excerpt(path)}` is in the package twice")
            seen.add(path)
            if not path.startswith(INFO):
                yield path, entry, contents
            elif self._members and path in _DOCUMENTS:
                raise ArchiveError(f"`{path}` lies among the package's files")

    def _entries(self, part: str, limit: int) -> Iterator[Content]:
        for entry, contents in read_tar(self._open(part, limit)):
            path = relative_name(entry.name)
            if path and not entry.isdir():
                yield path, entry, contents

    def _open(self, part: str, limit: int) -> ForwardReader:
        if not self._members:
            self._file.seek(0)
            return open_compressed(self._file, ".bz2", limit=MAX_CONTENTS)
        member = self._members[part]
        return open_frames(Section(self._file, member.start, member.size), limit=limit)


def relative_name(name: str) -> str:
    """A name in an archive as a path of the package, "" for the package itself; raises ArchiveError."""
    path = name.removeprefix("./").rstrip("/")
    if path in ("", "."):
        return ""
    check_path(path)
    return path


def _find_members(file: BinaryIO) -> Mapping[str, Member]:
    """The two tars of a `.conda`, by what they are."""
    archive = ZipArchive(file)
    _check_version(archive)
    found: dict[str, Member] = {}
    for name, member in archive.members.items():
        match = _MEMBER.fullmatch(name)
        if not match:
            continue
        if member.carried:
            raise ArchiveError(f"`{excerpt(name)}` is compressed by the zip, which conda packages are not")
        if found.setdefault(match[1], member) is not member:
            raise ArchiveError(f"the package has several `{match[1]}-*.tar.zst`")
    for part in ("info", "pkg"):
        if part not in found:
            raise ArchiveError(f"the package has no `{part}-*.tar.zst`")
    return found


def _check_version(archive: ZipArchive) -> None:
    member = archive.members.get("metadata.json")
    if member is None or member.memory > MAX_DOCUMENT:
        raise ArchiveError("the file is no conda package: it has no `metadata.json`")
    try:
        values = parse_json(archive.read(member))
    except ValueError:
        raise ArchiveError("`metadata.json` is no JSON") from None
    version = values.get("conda_pkg_format_version") if isinstance(values, dict) else None
    if version != 2:
        raise ArchiveError(
            f"the package is of format {excerpt(str(version))}, and only 2 is understood",
            hint="upgrade envbuild",
        )


def _note_document(found: dict[str, bytes], path: str, entry: tarfile.TarInfo, contents: Source) -> None:
    if path not in _DOCUMENTS:
        return
    if path in found:
        raise ArchiveError(f"`{path}` is in the package twice")
    if not entry.isreg() or entry.size > MAX_DOCUMENT:
        raise ArchiveError(f"`{path}` is no file, or larger than {MAX_DOCUMENT} bytes")
    found[path] = read_whole(contents, entry.size)


def _suffices(found: Mapping[str, bytes]) -> bool:
    """Whether no later document of a tar could change what the package is.

    Documents come first in what conda-build makes, and reading on would unpack everything twice.
    """
    if not found.keys() >= {"info/index.json", "info/paths.json"}:
        return False
    return "info/link.json" in found or b'"noarch"' not in found["info/index.json"]
