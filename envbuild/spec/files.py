"""Files of the workspace for an image: files, folders and globs, each with its place and content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError, SpecError
from envbuild.spec.globs import expand_glob, is_glob, split_glob
from envbuild.spec.place import Found, Place
from envbuild.spec.problems import Problems
from envbuild.spec.schema import Copy

MAX_FILES = 100_000


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file: its absolute place in an image, and where it lies now, which is no part of what it is.

    `destination` is "" for a file that a rule asked for by itself.
    """

    destination: str
    path: Path
    digest: Digest
    executable: bool


def read_files(copies: Iterable[Copy], place: Place, problems: Problems) -> tuple[FileEntry, ...]:
    """The files that `copies` name, hashed, in order of destination; what is wrong goes to `problems`."""
    placed: dict[str, tuple[Found, Copy]] = {}
    for copy in copies:
        try:
            for destination, found in _select(copy, place):
                _put(destination, found, copy, placed, problems)
        except EnvbuildError as error:
            problems.catch(error, copy.location)
    _refuse_files_below_files(placed, problems)
    entries = []
    for destination, (found, copy) in sorted(placed.items()):
        try:
            entries.append(_hash(found, destination, place))
        except EnvbuildError as error:
            problems.catch(error, copy.location)
    return tuple(entries)


def read_file(written: str, place: Place) -> FileEntry:
    """One file, hashed; raises SpecError."""
    found = place.require(place.locate(written))
    if not found.is_file:
        raise SpecError(f"`{written}` is not a file", hint="name a file")
    return _hash(found, "", place)


def _select(copy: Copy, place: Place) -> Iterator[tuple[str, Found]]:
    """Each file with its destination."""
    name = place.locate(copy.source)
    if is_glob(name):
        folder, pattern = split_glob(name)
    else:
        found = place.require(name)
        if found.is_file:
            yield _file_destination(copy, found), found
            return
        folder, pattern = name, "**"
    files = expand_glob(place, folder, pattern)
    if not files:
        raise SpecError(f"`{copy.source}` matches no file", hint="check the pattern and `.envbuildignore`")
    if len(files) > MAX_FILES:
        raise SpecError(f"`{copy.source}` matches more than {MAX_FILES} files", hint="copy less")
    for file in files:
        below = file.name.removeprefix(folder).lstrip("/")
        yield f"{copy.destination.rstrip('/')}/{below}", file


def _file_destination(copy: Copy, found: Found) -> str:
    if copy.is_folder:
        base = found.name.rpartition("/")[2]
        raise SpecError(
            f"`{copy.source}` is a file, and its destination a folder",
            hint=f"write `{copy.source}: {copy.destination.rstrip('/')}/{base}`",
        )
    return copy.destination


def _put(
    destination: str,
    found: Found,
    copy: Copy,
    placed: dict[str, tuple[Found, Copy]],
    problems: Problems,
) -> None:
    other = placed.setdefault(destination, (found, copy))[0]
    if other.real != found.real:
        message = f"`{other.name}` and `{found.name}` both go to `{destination}`"
        problems.add(message, copy.location, "give one of them another destination")


def _refuse_files_below_files(placed: dict[str, tuple[Found, Copy]], problems: Problems) -> None:
    for destination, (_, copy) in placed.items():
        folder = destination.rpartition("/")[0]
        while folder:
            if folder in placed:
                message = f"`{folder}` is a file, and `{destination}` would lie below it"
                problems.add(message, copy.location, "give one of them another destination")
            folder = folder.rpartition("/")[0]


def _hash(found: Found, destination: str, place: Place) -> FileEntry:
    path = Path(found.real)
    place.recorder.record_hashed(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            size = file.tell()
    except OSError as error:
        raise SpecError(f"cannot read `{found.name}`: {error.strerror}", hint="make it readable") from error
    return FileEntry(destination, path, Digest(digest.hexdigest(), size), found.is_executable)
