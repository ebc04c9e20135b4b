"""What an sdist says of itself: a source archive is read, and nothing in it is run.

Its metadata is that of a wheel, with three fields of our own that say how it is built (PEP 517, PEP 518).
Newer sdists state what holds for every wheel of them (PEP 643, PEP 621). Of others it is what their wheel
required when they were packed: whoever builds one must compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from tempfile import TemporaryFile
from typing import IO, Any, Final

from envbuild.archive.decompress import PIECE, Source, open_compressed
from envbuild.archive.tar_reader import read_tar
from envbuild.core.errors import ArchiveError, SourceError
from envbuild.core.pattern import compile_later
from envbuild.sources.http import HttpClient
from envbuild.sources.url import redact
from envbuild.sources.wheel_metadata import WheelMetadata

BUILD_REQUIRES: Final = "Build-Requires"
BUILD_BACKEND: Final = "Build-Backend"
BUILD_PATH: Final = "Build-Path"

MAX_SDIST: Final = 1 << 30  # bytes, as it is
_MAX_UNPACKED: Final = 16 << 30
_MAX_TEXT: Final = 4 << 20  # of PKG-INFO and of pyproject.toml
_INFO: Final = "PKG-INFO"
_PROJECT: Final = "pyproject.toml"
_REQUIRES: Final = "requires.txt"
_EGG: Final = compile_later(r"(?:src/|lib/)?[^/]+\.egg-info/requires\.txt\Z")
_DYNAMIC: Final = frozenset(("dependencies", "optional-dependencies", "requires-python"))

Fields = Iterator[tuple[str, str]]


def fetch_sdist_metadata(
    http: HttpClient, url: str, headers: Mapping[str, str], sha256: str
) -> WheelMetadata:
    """The metadata of an sdist at a URL, whose sha256 is known; it is read whole. Raises SourceError."""
    with TemporaryFile() as file:
        size, hashed = 0, hashlib.sha256()
        for piece in http.stream(lambda extra: http.get(url, {**headers, **extra})):
            hashed.update(piece)
            size += file.write(piece)
            if size > MAX_SDIST:
                raise SourceError(f"`{redact(url)}` is larger than any sdist", hint="check the address")
        if hashed.hexdigest() != sha256:
            raise SourceError(
                f"`{redact(url)}` has another sha256 than its index says",
                hint="it was replaced or damaged: try again, or ask whoever runs the index",
            )
        return WheelMetadata(size, read_sdist_metadata(file, url.rpartition("/")[2]))


def read_sdist_metadata(file: IO[bytes], name: str) -> str:
    """The metadata of an sdist (PEP 625: a tar in gzip) as text; raises SourceError."""
    file.seek(0)
    try:
        texts = _read_texts(file)
        project = _parse_toml(texts.get(_PROJECT, ""))
        fields = [*_package_fields(texts, project), *_build_fields(project)]
    except (ArchiveError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SourceError(
            f"`{name}` is no sdist that can be read: {error}", hint="take another version, or a wheel"
        ) from None
    return "".join(f"{field}: {' '.join(value.split())}\n" for field, value in fields)


def _read_texts(file: IO[bytes]) -> dict[str, str]:
    """PKG-INFO and pyproject.toml of the only folder at the archive's top, and setuptools' requires.txt."""
    texts: dict[str, str] = {}
    for entry, contents in read_tar(open_compressed(file, ".gz", limit=_MAX_UNPACKED)):
        folder, _, name = entry.name.removeprefix("./").partition("/")
        name = _REQUIRES if _EGG.match(name) else name
        if folder and name in (_INFO, _PROJECT, _REQUIRES) and entry.isreg():
            if entry.size > _MAX_TEXT:
                raise ArchiveError(f"`{name}` is larger than {_MAX_TEXT} bytes")
            texts[name] = _read_all(contents).decode()
    if _INFO not in texts:
        raise ArchiveError("it has no `PKG-INFO`")
    return texts


def _read_all(contents: Source) -> bytes:
    return b"".join(iter(lambda: contents.read(PIECE), b""))


def _parse_toml(text: str) -> Mapping[str, Any]:
    import tomllib

    return tomllib.loads(text)


def _package_fields(texts: Mapping[str, str], project: Mapping[str, Any]) -> Fields:
    """What its wheel's METADATA will say."""
    stated, table = WheelMetadata(0, texts[_INFO]), project.get("project", {})
    yield "Metadata-Version", "2.1"
    (package,), (version,) = stated.values("Name"), stated.values("Version")
    yield "Name", package
    yield "Version", version
    if not _is_static(stated) and table and _DYNAMIC.isdisjoint(table.get("dynamic", ())):
        yield from _project_fields(table)
        return
    for field in ("Requires-Python", "Provides-Extra", "Requires-Dist"):
        for value in stated.values(field):
            yield field, value
    if not stated.values("Requires-Dist"):
        yield from _parse_requires(texts.get(_REQUIRES, ""))


def _is_static(stated: WheelMetadata) -> bool:
    """Whether a wheel's dependencies must be those stated here (PEP 643)."""
    (version, *_) = stated.values("Metadata-Version") or ("0",)
    major, _, minor = version.partition(".")
    dynamic = {each.lower() for each in stated.values("Dynamic")}
    recent = (int(major), int(minor or 0)) >= (2, 2)
    return recent and dynamic.isdisjoint(("requires-dist", "requires-python", "provides-extra"))


def _parse_requires(text: str) -> Fields:
    """What setuptools' requires.txt says: in sections called `extra`, `:marker` or `extra:marker`."""
    marker = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            extra, _, condition = line.strip("[]").partition(":")
            gates = [f"({condition})"] if condition else []
            if extra:
                yield "Provides-Extra", extra
                gates.append(f'extra == "{extra}"')
            marker = " and ".join(gates)
        else:
            yield "Requires-Dist", f"{line} ; {marker}" if marker else line


def _project_fields(table: Mapping[str, Any]) -> Fields:
    """A `[project]` table that holds for every wheel (PEP 621)."""
    if "requires-python" in table:
        yield "Requires-Python", str(table["requires-python"])
    for each in table.get("dependencies", ()):
        yield "Requires-Dist", str(each)
    for extra, requires in table.get("optional-dependencies", {}).items():
        yield "Provides-Extra", str(extra)
        for each in requires:
            yield "Requires-Dist", _for_extra(str(each), str(extra))


def _for_extra(text: str, extra: str) -> str:
    from packaging.markers import Marker
    from packaging.requirements import Requirement

    requirement = Requirement(text)
    gate = f'extra == "{extra}"'
    requirement.marker = Marker(f"({requirement.marker}) and {gate}" if requirement.marker else gate)
    return str(requirement)


def _build_fields(project: Mapping[str, Any]) -> Fields:
    """How it is built; without a `[build-system]`, as pip does it."""
    system = project.get("build-system", {"requires": ["setuptools>=40.8.0", "wheel"]})
    for each in system["requires"]:
        yield BUILD_REQUIRES, str(each)
    yield BUILD_BACKEND, str(system.get("build-backend", "setuptools.build_meta:__legacy__"))
    for each in system.get("backend-path", ()):
        yield BUILD_PATH, str(each)
