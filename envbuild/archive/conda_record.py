"""What `conda-meta` says of an installed package: the record that conda, mamba and rattler read.

Its fields are those of `info/index.json` (CEP 34), as the channel amends them, and what
`conda.models.records.PrefixRecord` adds. Nothing tells the machine that made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from envbuild.archive.conda_paths import PackagePath
from envbuild.archive.layer import check_path
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.text import excerpt
from envbuild.core.wire import canonical_json, parse_json

FOLDER: Final = "conda-meta"
ENTRY_POINT: Final = "unix_python_entry_point"

_COPY: Final = 3  # how files came to be there, of conda's link types: no cache shares them
_IDENTITY: Final = ("name", "version", "build")
_NUMBERS: Final = ("build_number", "timestamp")
_LISTS: Final = ("depends", "constrains")
_TEXTS: Final = (
    *(*_IDENTITY, "subdir", "arch", "platform", "noarch", "license", "license_family"),
    *("features", "track_features", "python_site_packages_path"),
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A file of the installation: its path below the prefix, and sums of its contents, "" for a link's."""

    path: str
    kind: str
    origin: PackagePath | None
    sha256: str  # in the package
    sha256_in_prefix: str
    size: int


def read_index(info: Mapping[str, bytes]) -> dict[str, Any]:
    """What `info/index.json` says that a record repeats; raises ArchiveError."""
    if "index.json" not in info:
        raise ArchiveError("the package has no `info/index.json`")
    try:
        values = parse_json(info["index.json"])
    except ValueError:
        raise ArchiveError("`info/index.json` is no JSON") from None
    if not isinstance(values, dict):
        raise ArchiveError("`info/index.json` is no JSON object")
    found = {name: value for name, value in values.items() if _is_sound(name, value)}
    for name in (*_IDENTITY, "build_number"):
        if name not in found:
            raise ArchiveError(f"`info/index.json` has no sound `{name}`")
    return found


def check_identity(index: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Raise ArchiveError where a package is not the one that its channel's record describes."""
    for name in _IDENTITY:
        if name in record and record[name] != index[name]:
            raise ArchiveError(
                f"the package is `{excerpt(_dist(index))}`, and its channel says it is `{_dist(record)}`"
            )


def record_path(index: Mapping[str, Any]) -> str:
    """Where the record of a package goes, below the prefix; raises ArchiveError."""
    path = f"{FOLDER}/{_dist(index)}.json"
    check_path(path)
    if path.count("/") != 1:
        raise ArchiveError(f"`{excerpt(_dist(index))}` is no name of a package")
    return path


def write_record(index: Mapping[str, Any], record: Mapping[str, Any], files: Iterable[Installed]) -> bytes:
    """The record; what the channel's `record` says wins over the package's `index`."""
    ordered = sorted(files, key=lambda file: file.path)
    return canonical_json(
        {
            **index,
            **record,
            "files": [file.path for file in ordered],
            "link": {"source": "", "type": _COPY},
            "paths_data": {"paths": [_describe(file) for file in ordered], "paths_version": 1},
        }
    )


def _describe(file: Installed) -> dict[str, Any]:
    origin = file.origin
    found: dict[str, Any] = {
        "_path": file.path,
        "path_type": file.kind,
        "sha256": file.sha256,
        "sha256_in_prefix": file.sha256_in_prefix,
        "size_in_bytes": file.size,
    }
    if origin and origin.placeholder:
        found["prefix_placeholder"] = origin.placeholder
        found["file_mode"] = "binary" if origin.binary else "text"
    if origin and origin.no_link:
        found["no_link"] = True
    return {name: value for name, value in found.items() if value != ""}


def _is_sound(name: str, value: Any) -> bool:
    if name in _NUMBERS:
        return type(value) is int and 0 <= value < 1 << 63
    if name in _LISTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return name in _TEXTS and isinstance(value, str)


def _dist(record: Mapping[str, Any]) -> str:
    return "-".join(str(record.get(name, "?")) for name in _IDENTITY)
