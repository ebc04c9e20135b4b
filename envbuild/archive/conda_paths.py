"""Which files of a conda package are installed, and how (CEP 34, `info/paths.json` and what came before)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from envbuild.archive.conda_package import INFO, relative_name
from envbuild.archive.layer import MAX_ENTRIES
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.core.wire import parse_json

HARDLINK, SOFTLINK, DIRECTORY = "hardlink", "softlink", "directory"

# What a line of `has_prefix` means that names only a path.
OLD_PLACEHOLDER: Final = "/opt/anaconda1anaconda2anaconda3"

_VERSIONS: Final = (1, 2)  # the second adds offsets, which say nothing that a search does not find
_HEX: Final = compile_later(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PackagePath:
    """A path that is installed.

    `kind` is "" where only the archive tells it. `placeholder` is the prefix in its contents that is to be
    replaced, "" for none. `sha256` and `size` are of the contents in the package, "" and None where
    nothing states them; for a link they are those of what it leads to.
    """

    path: str
    kind: str = ""
    placeholder: str = ""
    binary: bool = False
    no_link: bool = False
    sha256: str = ""
    size: int | None = None


def read_paths(info: Mapping[str, bytes]) -> dict[str, PackagePath]:
    """What is installed, by path, from a package's documents by name; raises ArchiveError."""
    if "paths.json" in info:
        found = [_read_path(values) for values in _read_entries(info["paths.json"])]
    elif "files" in info:
        found = list(_read_old(info))
    else:
        raise ArchiveError("the package lists no files: it has neither `info/paths.json` nor `info/files`")
    if len(found) > MAX_ENTRIES:
        raise ArchiveError(f"the package lists more than {MAX_ENTRIES} files")
    paths = {path.path: path for path in found}
    if len(paths) < len(found):
        raise ArchiveError("the package lists a file twice")
    return paths


def _read_entries(data: bytes) -> list[Any]:
    try:
        values = parse_json(data)
    except ValueError:
        raise ArchiveError("`info/paths.json` is no JSON") from None
    if not isinstance(values, dict) or not isinstance(values.get("paths"), list):
        raise ArchiveError("`info/paths.json` lists no paths")
    if values.get("paths_version", 1) not in _VERSIONS:
        raise ArchiveError(
            "`info/paths.json` is of a version that is not understood", hint="upgrade envbuild"
        )
    return list(values["paths"])


def _read_path(values: Any) -> PackagePath:
    if not isinstance(values, dict) or not isinstance(values.get("_path"), str):
        raise ArchiveError("`info/paths.json` has an entry without a path")
    path = _checked(values["_path"])
    kind = values.get("path_type", HARDLINK)
    mode = values.get("file_mode", "text")
    placeholder = values.get("prefix_placeholder") or ""
    no_link = values.get("no_link", False)
    sha256, size = values.get("sha256") or "", values.get("size_in_bytes")
    sound = (
        kind in (HARDLINK, SOFTLINK, DIRECTORY)
        and mode in ("text", "binary")
        and isinstance(placeholder, str)
        and isinstance(no_link, bool)
        and isinstance(sha256, str)
        and (not sha256 or _HEX.fullmatch(sha256))
        and (size is None or (type(size) is int and size >= 0))
    )
    if not sound:
        raise ArchiveError(f"`info/paths.json` says of `{excerpt(path)}` what no path has")
    return PackagePath(path, kind, placeholder, mode == "binary", no_link, sha256, size)


def _read_old(info: Mapping[str, bytes]) -> Iterator[PackagePath]:
    prefixed = {path: rest for path, *rest in map(_read_prefix, _read_lines(info, "has_prefix"))}
    kept = {*_read_lines(info, "no_link"), *_read_lines(info, "no_softlink")}
    for line in _read_lines(info, "files"):
        placeholder, mode = prefixed.get(line, ("", "text"))
        yield PackagePath(_checked(line), "", placeholder, mode == "binary", line in kept)


def _read_lines(info: Mapping[str, bytes], name: str) -> list[str]:
    try:
        text = info.get(name, b"").decode()
    except UnicodeDecodeError:
        raise ArchiveError(f"`info/{name}` is not UTF-8") from None
    return [line.removesuffix("\r") for line in text.split("\n") if line.strip()]


def _read_prefix(line: str) -> tuple[str, str, str]:
    """Path, placeholder and mode of a line: `PATH`, or `PLACEHOLDER MODE PATH`, each maybe in quotes."""
    try:
        words = shlex.split(line) if '"' in line else line.split()
    except ValueError:
        words = []
    if len(words) == 1:
        return words[0], OLD_PLACEHOLDER, "text"
    if len(words) == 3 and words[0] and words[1].lower() in ("text", "binary"):
        return words[2], words[0], words[1].lower()
    raise ArchiveError(f"`info/has_prefix` has a line that is not understood: `{excerpt(line)}`")


def _checked(path: str) -> str:
    """A listed path as the archive's reader gives it."""
    name = relative_name(path)
    if not name or f"{name}/".startswith(INFO):
        raise ArchiveError(f"the package lists `{excerpt(path)}` among its files, which is none")
    return name
