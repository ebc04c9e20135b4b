"""A build context: what COPY, ADD and bind mounts may take from a folder of the workspace."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import SpecError
from envbuild.spec.dockerfile.patterns import IgnorePattern, is_ignored, read_ignore_file
from envbuild.spec.place import Place

IGNORE_FILE: Final = ".dockerignore"
MAX_ENTRIES: Final = 100_000


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """A file (with a digest), a symbolic link (with a target) or a folder, by its path in the context.

    `source` is where a file lies now; it is part of no digest.
    """

    path: str
    digest: Digest | None = None
    executable: bool = False
    target: str = ""
    source: Path | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.digest is None and not self.target


def read_context(written: str, place: Place, dockerfile: str = "") -> tuple[ContextEntry, ...]:
    """All that a context offers, sorted by path, files hashed; raises SpecError.

    Symbolic links stay links. What `.dockerignore` and `.envbuildignore` name is left out, and so is
    what is neither file nor folder nor link. `dockerfile` is the path of a Dockerfile as written: an
    ignore file beside it that bears its name stands for `.dockerignore`.
    """
    found = place.require(place.locate(written))
    if not found.is_folder:
        raise SpecError(f"`{written}` is not a folder", hint="name the folder that COPY takes files from")
    folder = Path(found.real)
    ignored = _read_ignored(folder, place, dockerfile)
    walked = {entry.path: entry for entry in _walk(folder, found.name, ignored, place)}
    entries = tuple(sorted(_add_folders(walked).values(), key=lambda entry: entry.path))
    if len(entries) > MAX_ENTRIES:
        raise SpecError(
            f"the context `{written}` has more than {MAX_ENTRIES} files",
            hint=f"leave some out by `{IGNORE_FILE}`",
        )
    return entries


def _read_ignored(folder: Path, place: Place, dockerfile: str) -> tuple[IgnorePattern, ...]:
    path = folder / IGNORE_FILE
    if dockerfile and (own := place.find(place.locate(dockerfile + IGNORE_FILE))):
        path = Path(own.real)
    place.recorder.record(path)
    try:
        return read_ignore_file(path.read_text("utf-8"), str(path.relative_to(os.path.realpath(place.root))))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError):
        raise SpecError(f"`{IGNORE_FILE}` cannot be read as UTF-8 text") from None


def _walk(
    folder: Path, name: str, ignored: tuple[IgnorePattern, ...], place: Place
) -> Iterator[ContextEntry]:
    """The entries below a folder; whoever is in an ignored one may be taken back in by a later `!`."""
    negations = any(pattern.negated for pattern in ignored)
    pending = [""]
    while pending:
        above = pending.pop()
        place.recorder.record(folder / above)
        for base in _list(folder / above, above):
            path = f"{above}/{base}" if above else base
            mode = (folder / path).lstat().st_mode
            is_folder = stat.S_ISDIR(mode)
            if place.ignored.covers(f"{name}/{path}" if name else path, is_folder=is_folder):
                continue
            out = is_ignored(ignored, path)
            if is_folder and (not out or negations):
                pending.append(path)
            if not out:
                yield from _read_entry(folder, path, mode, place)


def _list(folder: Path, path: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 (names are all that is wanted)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> SpecError:
    hint = f"let it be read, or leave it out by `{IGNORE_FILE}`"
    return SpecError(f"cannot read `{path or '.'}` of the context: {error.strerror}", hint=hint)


def _add_folders(entries: Mapping[str, ContextEntry]) -> Mapping[str, ContextEntry]:
    """The entries with the folders that are ignored and hold one that is not."""
    found = dict(entries)
    for path in entries:
        while (path := path.rpartition("/")[0]) and path not in found:
            found[path] = ContextEntry(path)
    return found


def _read_entry(folder: Path, path: str, mode: int, place: Place) -> Iterator[ContextEntry]:
    source = folder / path
    if stat.S_ISDIR(mode):
        yield ContextEntry(path)
        return
    if stat.S_ISLNK(mode):
        place.recorder.record(source)
        yield ContextEntry(path, target=os.readlink(source))  # noqa: PTH115 (as written)
        return
    place.recorder.record_hashed(source)
    if stat.S_ISREG(mode):
        yield ContextEntry(path, _hash(source, path), bool(mode & stat.S_IXUSR), source=source)


def _hash(source: Path, path: str) -> Digest:
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return Digest(digest.hexdigest(), file.tell())
    except OSError as error:
        raise _unreadable(path, error) from error
