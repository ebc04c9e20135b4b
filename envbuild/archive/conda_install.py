"""Where each file of a conda package goes and what becomes of it on its way, as rattler and conda link it."""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
from collections.abc import Mapping
from typing import Final

from envbuild.archive.conda_package import MAX_CONTENTS, CondaPackage, relative_name
from envbuild.archive.conda_paths import DIRECTORY, HARDLINK, SOFTLINK, PackagePath
from envbuild.archive.conda_prefix import MAX_PATCHED, replace_prefix
from envbuild.archive.conda_python import SCRIPTS, CondaPython
from envbuild.archive.conda_record import ENTRY_POINT, Installed
from envbuild.archive.decompress import PIECE, Source
from envbuild.archive.layer import LayerWriter
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import folders_above
from envbuild.archive.tar_reader import read_whole
from envbuild.core.errors import ArchiveError
from envbuild.core.text import excerpt

_MODES: Final = 0o777  # no set-user-id bits, as with rattler


class Installation:
    """The files of one package on their way into its layer; every method raises ArchiveError.

    `python` is the environment's, if the package is for any Python, else None.
    """

    def __init__(self, writer: LayerWriter, prefix: str, python: CondaPython | None) -> None:
        self._writer = writer
        self._prefix = prefix
        self._python = python
        self._room = MAX_CONTENTS
        self._origins: dict[str, str] = {}  # by path in the package: the file that a hard link names
        self._linkable: dict[str, Installed] = {}  # by path in the package: what became no other file
        self._later: dict[str, list[PackagePath]] = {}  # hard links that become files, by what they name
        self._folders: set[str] = set()
        self.files: list[Installed] = []

    def add_files(self, archive: CondaPackage, paths: Mapping[str, PackagePath]) -> None:
        """Add what is listed, all of which must be there; what is not listed is not installed."""
        left = dict(paths)
        for path, entry, contents in archive.contents():
            if not entry.issym():
                self._origins[path] = self._origin(path, entry)
            stated = left.pop(path, None)
            if stated:
                self._add(stated, entry, contents)
            elif entry.issym():
                _check_target(path, entry.linkname)
        for path, stated in sorted(left.items()):
            if stated.kind != DIRECTORY:
                raise ArchiveError(f"the package lists `{excerpt(path)}` and does not hold it")
            self._folders.add(self._root(self._inside(path)))
        if self._later:
            self._add_later(archive)

    def add_script(self, name: str, script: bytes) -> None:
        """Add the script of an entry point."""
        path, sha256 = f"{SCRIPTS}/{name}", hashlib.sha256(script).hexdigest()
        self._writer.file(self._root(path), script, mode=0o755)
        self.files.append(Installed(path, ENTRY_POINT, None, sha256, sha256, len(script)))

    def finish(self, path: str, record: bytes) -> LayerInfo:
        """Add what is known of all that was added, and the folders, and end the layer."""
        self._writer.file(self._root(path), record)
        files = map(self._root, (path, *(file.path for file in self.files)))
        for folder in sorted(self._folders | folders_above([*files, *self._folders])):
            self._writer.directory(folder)
        return self._writer.finish()

    def _origin(self, path: str, entry: tarfile.TarInfo) -> str:
        """The file that an entry's contents are of, itself unless it is a hard link."""
        if not entry.islnk():
            return path
        target = relative_name(entry.linkname)
        if target not in self._origins:
            raise ArchiveError(
                f"`{excerpt(path)}` is a hard link to `{excerpt(target)}`, which is no file before it"
            )
        return self._origins[target]

    def _add(self, stated: PackagePath, entry: tarfile.TarInfo, contents: Source) -> None:
        if entry.issym():
            self._add_symlink(stated, entry.linkname)
        elif stated.kind in (SOFTLINK, DIRECTORY):
            raise ArchiveError(f"`{stated.path}` is listed as a {stated.kind}, and is a file")
        elif entry.islnk():
            self._add_hardlink(stated)
        else:
            self._add_file(stated, entry, contents)

    def _add_symlink(self, stated: PackagePath, target: str) -> None:
        if stated.placeholder or stated.kind == DIRECTORY:
            raise ArchiveError(f"`{stated.path}` is a link, and is listed as another thing")
        path = self._inside(stated.path)
        _check_target(path, target)
        self._writer.symlink(self._root(path), target)
        self.files.append(Installed(path, SOFTLINK, stated, stated.sha256, "", stated.size or 0))

    def _add_hardlink(self, stated: PackagePath) -> None:
        """Link to what the layer has; where that has other contents than in the package, copy them later."""
        origin = self._origins[stated.path]
        first = self._linkable.get(origin)
        if first is None or stated.placeholder:
            self._later.setdefault(origin, []).append(stated)
            return
        _check_stated(stated, first.sha256, first.size)
        path = self._inside(stated.path)
        self._writer.hardlink(self._root(path), self._root(first.path))
        self.files.append(Installed(path, HARDLINK, stated, first.sha256, first.sha256, first.size))

    def _add_later(self, archive: CondaPackage) -> None:
        """Add the hard links that became files: another pass, as what they name has gone by."""
        for path, entry, contents in archive.contents():
            links = self._later.get(path, ())
            if not links:
                continue
            if entry.size > MAX_PATCHED:
                raise ArchiveError(
                    f"`{path}` is larger than {MAX_PATCHED} bytes, and other names of it are changed"
                )
            data = read_whole(contents, entry.size)
            for stated in links:
                self._add_file(stated, entry, io.BytesIO(data))

    def _add_file(self, stated: PackagePath, entry: tarfile.TarInfo, contents: Source) -> None:
        """Add contents, which are checked against what is stated of them."""
        path, mode, hashed = self._inside(stated.path), entry.mode & _MODES, _Hashed(contents)
        self._room -= entry.size
        if self._room < 0:
            raise ArchiveError(f"the package unpacks to more than {MAX_CONTENTS} bytes")
        if stated.placeholder:
            data = self._patch(stated, hashed, entry.size)
            self._writer.file(self._root(path), memoryview(data), mode=mode)
            size, sha256 = len(data), hashlib.sha256(data).hexdigest()
        else:
            if entry.size <= PIECE:
                self._writer.file(self._root(path), hashed.read(entry.size), mode=mode)
            else:
                self._writer.copied_file(self._root(path), hashed, entry.size, mode=mode)
            size, sha256 = entry.size, hashed.hexdigest()
        original = hashed.hexdigest()
        _check_stated(stated, original, entry.size)
        installed = Installed(path, HARDLINK, stated, original, sha256, size)
        self.files.append(installed)
        if original == sha256:
            self._linkable.setdefault(stated.path, installed)

    def _patch(self, stated: PackagePath, contents: Source, size: int) -> bytearray:
        if size > MAX_PATCHED:
            raise ArchiveError(f"`{stated.path}` has a placeholder and more than {MAX_PATCHED} bytes")
        data = bytearray()
        while len(data) < size:
            data += contents.read(min(size - len(data), PIECE))
        try:
            return replace_prefix(data, stated.placeholder, f"/{self._prefix}", binary=stated.binary)
        except ArchiveError as error:
            raise ArchiveError(f"`{stated.path}`: {error.message}", hint=error.hint) from None

    def _inside(self, path: str) -> str:
        """Where a path of the package goes, below the prefix."""
        return self._python.place(path) if self._python else path

    def _root(self, path: str) -> str:
        return f"{self._prefix}/{path}"


class _Hashed:
    """A source whose bytes are hashed on their way."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sha256 = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        data = self._source.read(size)
        self._sha256.update(data)
        return data

    def hexdigest(self) -> str:
        """The sha256 of what was read."""
        return self._sha256.hexdigest()


def _check_target(path: str, target: str) -> None:
    """Refuse a link that leads out of the folder in which `path` is."""
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if end.startswith("/") or end.split("/")[0] == "..":
        raise ArchiveError(
            f"`{excerpt(path)}` links to `{excerpt(target)}`, which lies outside of the prefix"
        )


def _check_stated(stated: PackagePath, sha256: str, size: int) -> None:
    if stated.size not in (None, size):
        raise ArchiveError(f"`{stated.path}` has {size} bytes, and {stated.size} are stated")
    if stated.sha256 not in ("", sha256):
        raise ArchiveError(f"`{stated.path}` does not have the sha256 stated for it")
