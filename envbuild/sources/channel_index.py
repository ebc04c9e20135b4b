"""What a channel has for a platform: its repodata, kept between commands and asked for anew.

A server is told what is there already and says whether that still holds (RFC 9110, section 13.1).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Self

from envbuild.archive.decompress import PIECE, ForwardReader, open_compressed
from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import ArchiveError, SourceError
from envbuild.core.events import EventSink, Note
from envbuild.core.wire import parse_json
from envbuild.sources.blame import blame
from envbuild.sources.channel import Address, Channels, local_path, read_local, shown
from envbuild.sources.channel_shards import MAX_SHARD, Shards, read_index
from envbuild.sources.channel_shards import NAME as SHARDS
from envbuild.sources.connections import TransportError
from envbuild.sources.copies import first_answer
from envbuild.sources.http import PASSING
from envbuild.sources.kept_file import keep
from envbuild.sources.response import Response, StatusError

_MAX_INDEX: Final = 2 << 30  # the largest public one has a quarter of a gigabyte
_MAX_SHARDS: Final = 256 << 20
_GONE: Final = (404, 410)
_REFUSED: Final = (400, 401, 403, 405)
# A whole JSON file, or what tells of each package by itself.
Index = Path | Shards

# The plain one is the oldest, and the only one that every channel has.
_NAMES: Final = ("repodata.json.zst", "repodata.json")


@dataclass(frozen=True, slots=True)
class ChannelIndexes:
    """The indexes of channels, kept in `folder`. Safe for several threads and processes."""

    channels: Channels
    folder: Path
    sink: EventSink = field(repr=False)

    def read(self, channel: str, subdir: str, *, fresh: bool = False) -> Index | None:
        """What a channel tells of a subdir, None where it has no such subdir.

        Where the channel is away, what was kept of it counts, with a warning; if `fresh`, that is an
        error too. Raises SourceError.
        """
        address = self.channels.locate(channel)
        with blame(channel, f"{subdir}/repodata.json"):
            return first_answer(
                address.urls, lambda url: self._read(channel, address, f"{url}/{subdir}", fresh=fresh)
            )

    def _read(self, channel: str, address: Address, url: str, *, fresh: bool) -> Index | None:
        if url.startswith("file:"):
            return self._read_local(address, url)
        kept = _Kept.find(self.folder, url)
        try:
            kept = self._ask_patiently(url, address, kept)
        except (TransportError, StatusError) as error:
            refused = isinstance(error, StatusError) and error.status not in PASSING
            if kept is None and not address.stated:
                raise SourceError(error.message, hint=self.channels.advise(channel)) from None
            if kept is None or fresh or refused:
                raise
            text = f"the channel `{channel}` is away, and what was last known of it counts: {error.message}"
            self.sink.emit(Note("warning", text))
        return self._open(channel, address, kept) if kept else None

    def _open(self, channel: str, address: Address, kept: _Kept) -> Index:
        if kept.name != SHARDS:
            return kept.path
        known = parse_json(kept.path.read_bytes())

        def fetch(url: str) -> bytes:
            with blame(channel, url.rpartition("/")[2]):
                headers = self.channels.authorization(url, address)
                return self.channels.http.read(url, MAX_SHARD, headers).body

        return Shards(known["url"], known["hashes"], self.folder / "shards", fetch)

    def _ask_patiently(self, url: str, address: Address, kept: _Kept | None) -> _Kept | None:
        """What is there now; an answer that breaks off is asked for again."""
        http = self.channels.http
        for attempt in range(1, http.patience.attempts):
            try:
                return self._ask(url, address, kept)
            except TransportError as error:
                if not error.passing:
                    raise
            http.rest(attempt)
        return self._ask(url, address, kept)

    def _ask(self, url: str, address: Address, kept: _Kept | None) -> _Kept | None:
        # What was there the last time is asked for first: mostly it has not changed.
        for name in dict.fromkeys([*([kept.name] if kept else []), SHARDS, *_NAMES]):
            place = f"{url}/{name}"
            headers = {
                **self.channels.authorization(place, address),
                **(kept.conditions(name) if kept else {}),
            }
            with self.channels.http.get(place, headers) as answer:
                if answer.status == 304 and kept:
                    return kept
                # What is not there is refused by some servers; the last, which each channel has, tells.
                if answer.status in _GONE or (answer.status in _REFUSED and name != _NAMES[-1]):
                    continue
                if found := self._keep(url, name, answer.expect(200)):
                    return found
        return None

    def _keep(self, url: str, name: str, answer: Response) -> _Kept | None:
        tags = {"etag": answer.headers.get("ETag", ""), "modified": answer.headers.get("Last-Modified", "")}
        if name == SHARDS:
            index = read_index(answer.read(_MAX_SHARDS), f"{url}/{name}")
            if index is None:
                return None
            pieces = iter([json.dumps(index).encode()])
        else:
            pieces = _unpack(name, answer.stream(), url)
        path = _write(self.folder, url, pieces)
        return _Kept.note(self.folder, url, {"name": name, "file": path.name, **tags})

    def _read_local(self, address: Address, url: str) -> Path | None:
        folder = local_path(url)
        if (folder / _NAMES[1]).is_file():
            return folder / _NAMES[1]
        packed = folder / _NAMES[0]
        if packed.is_file():
            path = _write(self.folder, url, _unpack(_NAMES[0], read_local(packed.as_uri()), url))
            state = {"name": packed.name, "file": path.name, "etag": "", "modified": ""}
            return _Kept.note(self.folder, url, state).path
        roots = [local_path(each) for each in address.urls]
        if not any(root.is_dir() for root in roots):
            raise TransportError(
                f"there is no folder `{roots[0]}`", hint="make the channel, or correct its URL"
            )
        return None


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a URL: the file, and what its server called it."""

    path: Path
    name: str
    etag: str
    modified: str

    def conditions(self, name: str) -> dict[str, str]:
        """Headers that ask for another state only."""
        if name != self.name:
            return {}
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {header: value for header, value in found.items() if value}

    @classmethod
    def find(cls, folder: Path, url: str) -> Self | None:
        """What was kept; None where there is nothing, or it cannot be read."""
        try:
            state = parse_json(_state(folder, url).read_bytes())
            texts = {key: str(state[key]) for key in ("file", "name", "etag", "modified")}
        except (OSError, ValueError, TypeError, KeyError):
            return None
        path = folder / Path(texts["file"]).name
        return cls(path, texts["name"], texts["etag"], texts["modified"]) if path.is_file() else None

    @classmethod
    def note(cls, folder: Path, url: str, state: Mapping[str, str]) -> Self:
        """Remember a file; of those before, only the last stays: another process may be about to read it."""
        before = cls.find(folder, url)
        keep(_state(folder, url), dict(state))
        staying = {state["file"], before.path.name if before else ""}
        for path in folder.glob(f"{_key(url)}-*.json"):
            if path.name not in staying:
                path.unlink(missing_ok=True)
        return cls(folder / state["file"], state["name"], state["etag"], state["modified"])


def _state(folder: Path, url: str) -> Path:
    return folder / f"{_key(url)}.state"


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def _unpack(name: str, pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    source = ForwardReader(pieces, _MAX_INDEX)
    suffix = ".zst" if name.endswith(".zst") else ""
    try:
        reader = open_compressed(source, suffix, limit=_MAX_INDEX)
        yield from iter(lambda: reader.read(PIECE), b"")
    except ArchiveError as error:
        raise SourceError(
            f"`{shown(url)}/{name}` cannot be unpacked: {error.message}",
            hint="the server or the folder is damaged, or being updated: try again",
        ) from None


def _write(folder: Path, url: str, pieces: Iterator[bytes]) -> Path:
    """A new file of the folder for a URL, which appears whole; raises SourceError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=folder, prefix=".")
    except OSError as error:
        raise _unwritable(folder, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                _put(file, piece, folder)
        return Path(draft).rename(folder / f"{_key(url)}-{secrets.token_hex(8)}.json")
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _put(file: IO[bytes], piece: bytes, folder: Path) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> SourceError:
    reason = (error.strerror or str(error)).lower()
    return SourceError(
        f"cannot keep a channel's index in `{folder}`: {reason}", hint="make room, or clean up"
    )
