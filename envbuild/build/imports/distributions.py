"""What pip has installed in an environment, as requirements (the "installed projects" specifications)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, SpecError, UsageError, raise_all
from envbuild.core.text import excerpt
from envbuild.spec.requirement_line import parse_pinned

_MAX_BYTES = 16 << 20
_INFO = (".dist-info", ".egg-info", ".egg-link")


@dataclass(frozen=True, slots=True)
class _Distribution:
    """An installed project; `origin` is what its direct_url.json says, None where an index served it."""

    name: str
    version: str
    origin: Any


def read_distributions(prefix: Path, owned: Collection[str], without: Collection[str]) -> tuple[str, ...]:
    """A pinned line for each distribution of which no file is among the `owned`, relative to `prefix`.

    Those named in `without` are left out. Raises SpecError or an ErrorGroup for what came from a
    folder, from version control, or by another way that leaves nothing to fetch again.
    """
    from packaging.utils import canonicalize_name

    lines: list[str] = []
    failures: list[EnvbuildError] = []
    found = {canonicalize_name(_stem(path)): path for path in _find(prefix, owned)}
    left_out = {canonicalize_name(name): name for name in without}
    for name in sorted(found.keys() - left_out.keys()):
        try:
            lines.append(parse_pinned(_line(_read(found[name]))).text)
        except EnvbuildError as error:
            failures.append(error)
    failures += [
        UsageError(f"pip has installed no `{excerpt(left_out[name])}`", hint="remove the option")
        for name in sorted(left_out.keys() - found.keys())
    ]
    raise_all(failures)
    return tuple(sorted(lines))


def _find(prefix: Path, owned: Collection[str]) -> Iterator[Path]:
    """The metadata of what is installed, where conda owns none of it."""
    folders = {file.rpartition("/")[0] for file in owned}
    for site in sorted(prefix.glob("lib/python3*/site-packages")):
        for path in sorted(site.iterdir()):
            shown = path.relative_to(prefix).as_posix()
            if path.name.endswith(_INFO) and shown not in owned and shown not in folders:
                yield path


def _stem(path: Path) -> str:
    """The project's name as it stands before the first version; an `.egg-link` has none."""
    stem = path.name.rpartition(".")[0]
    return stem if path.suffix == ".egg-link" else stem.partition("-")[0]


def _read(path: Path) -> _Distribution:
    stem = _stem(path)
    if not path.name.endswith(".dist-info"):
        raise _refused(stem, "was not installed by pip, or for development")
    fields, file = _fields(path / "METADATA", stem), path / "direct_url.json"
    origin = _origin(file, stem) if file.exists() else None
    return _Distribution(fields["name"], fields["version"], origin)


def _fields(path: Path, name: str) -> dict[str, str]:
    """The first lines of a METADATA file, up to an empty one: names in small letters, values."""
    fields: dict[str, str] = {}
    for line in _text(path, name).splitlines():
        if not line.strip():
            break
        field, colon, value = line.partition(":")
        if colon and not field[:1].isspace():
            fields.setdefault(field.lower(), value.strip())
    if not {"name", "version"} <= fields.keys():
        raise _refused(name, "has no METADATA that tells its name and version")
    return fields


def _origin(path: Path, name: str) -> Any:
    try:
        origin = json.loads(_text(path, name))
    except (ValueError, RecursionError):
        origin = None
    if not isinstance(origin, dict):
        raise _refused(name, "has a direct_url.json that cannot be read")
    return origin


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size <= _MAX_BYTES:
            return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    raise _refused(name, f"has no `{path.name}` that can be read")


def _line(found: _Distribution) -> str:
    if found.origin is None:
        return f"{found.name}=={found.version}"
    url = found.origin.get("url")
    if "vcs_info" in found.origin:
        raise _refused(found.name, "was installed from version control")
    if "dir_info" in found.origin or not isinstance(url, str):
        raise _refused(found.name, "was installed from a folder")
    if not url.startswith(("http://", "https://")):
        raise _refused(found.name, "was installed from a file of the machine")
    sha256 = _sha256(found.origin.get("archive_info"))
    return f"{found.name} @ {url.partition('#')[0]}" + (f"#sha256={sha256}" if sha256 else "")


def _sha256(archive: object) -> str:
    """The digest of an archive (PEP 610): in `hashes`, or the older `hash`; "" where there is none."""
    if not isinstance(archive, dict):
        return ""
    hashes, older = archive.get("hashes"), archive.get("hash")
    if isinstance(hashes, dict) and isinstance(hashes.get("sha256"), str):
        return str(hashes["sha256"])
    return older.removeprefix("sha256=") if isinstance(older, str) and older.startswith("sha256=") else ""


def _refused(name: str, reason: str) -> SpecError:
    return SpecError(
        f"`{excerpt(name)}` {reason}: there is nothing to fetch it from",
        hint=f"build a wheel of it and list that under `wheels`; `--without {excerpt(name)}` leaves it out",
    )
