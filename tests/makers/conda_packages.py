"""Small conda packages of any content, in both formats; equal arguments make equal bytes."""

from __future__ import annotations

import bz2
import hashlib
import json
import posixpath
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import zstandard

from tests.makers.debian import entry, make_tar
from tests.makers.zips import RawMember, assemble_zip

Entry = tuple[tarfile.TarInfo, bytes]
Data = str | bytes

# What older packages mean where they name no placeholder, and one as long as conda-build makes them.
PLACEHOLDER: Final = "/opt/anaconda1anaconda2anaconda3"
LONG_PLACEHOLDER: Final = ("/home/builder/env" + "_placehold" * 24)[:255]


@dataclass(frozen=True)
class CondaFile:
    """A path of a package: a file, a symbolic link (`link`), or another name of a file (`same_as`)."""

    data: bytes = b""
    mode: int = 0o644
    link: str = ""
    same_as: str = ""
    placeholder: str = ""  # the prefix in its data that is to be replaced
    binary: bool = False
    no_link: bool = False

    def entry(self, path: str) -> Entry:
        """Its entry in the archive."""
        if self.link:
            return entry(path, mode=0o777, type=tarfile.SYMTYPE, linkname=self.link)
        if self.same_as:
            return entry(path, mode=self.mode, type=tarfile.LNKTYPE, linkname=self.same_as)
        return entry(path, self.data, self.mode)


@dataclass(frozen=True)
class CondaPackage:
    """A package to be.

    `index` and `record` replace fields of index.json and of the channel's record, `paths` those of paths.json
    by path, `info` whole files below info/; None takes away. `raw` are further entries of the archive.
    """

    name: str
    files: Mapping[str, Data | CondaFile] = field(default_factory=dict)
    version: str = "1.0"
    build: str = "0"
    build_number: int = 0
    depends: Sequence[str] = ()
    constrains: Sequence[str] = ()
    subdir: str = "linux-64"
    noarch: str = ""  # `python` or `generic`; its subdir is noarch
    entry_points: Sequence[str] = ()
    suffix: str = ".conda"
    old: bool = False  # files, has_prefix and no_link instead of paths.json
    index: Mapping[str, object] = field(default_factory=dict)
    record: Mapping[str, object] = field(default_factory=dict)
    paths: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    info: Mapping[str, Data | None] = field(default_factory=dict)
    raw: Sequence[Entry] = ()

    @property
    def dist(self) -> str:
        """Name, version and build in one."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def place(self) -> str:
        """The subdir where it lies on a channel."""
        return "noarch" if self.noarch else self.subdir

    @property
    def file(self) -> str:
        """Its path on a channel."""
        return f"{self.place}/{self.dist}{self.suffix}"

    def describe(self) -> dict[str, Any]:
        """Its index.json, which is also most of its record."""
        fields = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": self.build_number,
            "depends": list(self.depends),
            "constrains": list(self.constrains),
            "subdir": self.place,
            "noarch": self.noarch or None,
        }
        return _changed(fields, self.index)

    def describe_record(self, data: bytes) -> dict[str, Any]:
        """What a channel says of it, where these are its bytes."""
        sums = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest()}
        return _changed({**self.describe(), **sums, "size": len(data)}, self.record)

    def build_package(self) -> bytes:
        """Its bytes."""
        contents = [file.entry(path) for path, file in self._files().items()] + list(self.raw)
        info = [entry(f"info/{path}", data) for path, data in self._info().items()]
        if self.suffix == ".tar.bz2":
            return bz2.compress(make_tar([*info, *contents]))
        return pack(self.dist, make_tar(contents), make_tar(info))

    def _files(self) -> dict[str, CondaFile]:
        return {
            path: file if isinstance(file, CondaFile) else CondaFile(_bytes(file))
            for path, file in self.files.items()
        }

    def _info(self) -> dict[str, bytes]:
        files = self._files()
        found: dict[str, Data] = {
            "about.json": _json({"license": "MIT", "summary": f"what {self.name} is"}),
            "files": "".join(f"{path}\n" for path in files),
            "index.json": _json(self.describe()),
        }
        if self.old:
            found |= _describe_old(files)
        else:
            entries = [_changed(_describe(path, files), self.paths.get(path, {})) for path in files]
            found["paths.json"] = _json({"paths": entries, "paths_version": 1})
        if self.noarch:
            points = {"entry_points": list(self.entry_points)} if self.noarch == "python" else {}
            link = {"noarch": {"type": self.noarch, **points}, "package_metadata_version": 1}
            found["link.json"] = _json(link)
        changed: dict[str, Data] = _changed(found, self.info)
        return {path: _bytes(data) for path, data in sorted(changed.items())}


def pack(dist: str, contents: bytes, info: bytes) -> bytes:
    """The newer format: a zip that stores two compressed tars."""
    compress = zstandard.ZstdCompressor(level=3).compress
    members = [
        ("metadata.json", b'{"conda_pkg_format_version": 2}'),
        (f"pkg-{dist}.tar.zst", compress(contents)),
        (f"info-{dist}.tar.zst", compress(info)),
    ]
    return assemble_zip([stored(name, data) for name, data in members])


def stored(name: str, data: bytes) -> RawMember:
    """A member that is not compressed by the zip."""
    return RawMember(name.encode(), data, len(data), zlib.crc32(data), method=0)


def hostile_entries() -> dict[str, Entry]:
    """Entries that no package may have, by what they do."""
    return {
        "a path that leaves": entry("../outside", b"1"),
        "a path that leaves below": entry("lib/../../outside", b"1"),
        "an absolute path": entry("/etc/outside", b"1"),
        "an absolute link": entry("lib/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "a link that leaves": entry("lib/link", type=tarfile.SYMTYPE, linkname="../../etc/passwd"),
        "a hard link that leaves": entry("lib/hard", type=tarfile.LNKTYPE, linkname="../outside"),
        "a hard link to nothing": entry("lib/hard", type=tarfile.LNKTYPE, linkname="lib/nothing"),
        "a device": entry("lib/device", type=tarfile.CHRTYPE),
        "a pipe": entry("lib/pipe", type=tarfile.FIFOTYPE),
    }


def _describe(path: str, files: Mapping[str, CondaFile]) -> dict[str, Any]:
    """A path as paths.json shows it; conda-build hashes what a link leads to."""
    file = files[path]
    real = _real(path, files)
    found: dict[str, Any] = {
        "_path": path,
        "path_type": "softlink" if file.link else "hardlink",
        "sha256": hashlib.sha256(real.data).hexdigest(),
        "size_in_bytes": len(real.data),
    }
    if file.placeholder:
        found |= {"prefix_placeholder": file.placeholder, "file_mode": _file_mode(file)}
    if file.no_link:
        found["no_link"] = True
    return found


def _real(path: str, files: Mapping[str, CondaFile]) -> CondaFile:
    """The file behind links; nothing where a link leads out of the package."""
    file = files.get(path, CondaFile())
    if file.same_as:
        return _real(file.same_as, files)
    if file.link:
        return _real(posixpath.normpath(f"{posixpath.dirname(path)}/{file.link}").lstrip("/"), files)
    return file


def _describe_old(files: Mapping[str, CondaFile]) -> dict[str, str]:
    """The lists before there was paths.json."""
    prefixed = [
        f'"{file.placeholder}" "{_file_mode(file)}" "{path}"\n'
        if " " in path
        else f"{file.placeholder} {_file_mode(file)} {path}\n"
        for path, file in files.items()
        if file.placeholder
    ]
    unlinked = [f"{path}\n" for path, file in files.items() if file.no_link]
    found = {"has_prefix": "".join(prefixed), "no_link": "".join(unlinked)}
    return {name: text for name, text in found.items() if text}


def _file_mode(file: CondaFile) -> str:
    return "binary" if file.binary else "text"


def _changed(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """With changes; what is None is not there."""
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def _json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True)


def _bytes(data: Data) -> bytes:
    return data.encode() if isinstance(data, str) else data


def executable(data: Data, **fields: Any) -> CondaFile:
    """A program."""
    return CondaFile(_bytes(data), mode=0o755, **fields)
