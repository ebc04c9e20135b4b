"""Debian mirrors: verified indexes to lock from, and packages by what a lock says of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NoReturn

from envbuild.archive.decompress import PIECE, open_compressed
from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.events import EventSink, Note, Silent
from envbuild.core.protocols import BlobWriter
from envbuild.sources.apt_config import APT, ARCHIVE_KEYRING, Mirror, all_apt_mirrors, apt_mirrors, apt_suites
from envbuild.sources.blame import blame
from envbuild.sources.copies import first_answer
from envbuild.sources.debian_index import DebianIndex, Row, decode_rows, encode_rows, parse_packages
from envbuild.sources.debian_release import Release, parse_release
from envbuild.sources.debian_signature import Keyring, verify_signature
from envbuild.sources.http import HttpClient, StatusError, redact
from envbuild.sources.kept_file import keep_text

_MAX_RELEASE: Final = 32 << 20
_MAX_INDEX: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite as one architecture sees it, or several as one: `name` has them with blanks between."""

    name: str
    components: tuple[str, ...]
    architecture: str


@dataclass(frozen=True, slots=True)
class DebianSource:
    """A source of Debian packages: the mirrors named, or the ones of the machine's apt configuration.

    `keyring` is the one that signs on the mirrors named (None: the Debian archive's). Verified
    indexes are kept in `cache`, by their sha256. Safe for several threads and processes.
    """

    alias: str
    urls: tuple[str, ...]
    keyring: Path | None
    http: HttpClient
    cache: Path
    sink: EventSink = field(default_factory=Silent)
    apt: Path = APT

    def index(self, suite: Suite) -> DebianIndex:
        """What the suite offers now; raises SourceError unless its signature and sums hold."""
        rows: dict[Row, None] = {}
        for name in suite.name.split():
            single = replace(suite, name=name)
            with blame(self.alias, name):
                for component in suite.components:
                    rows |= dict.fromkeys(self._rows(single, component))
        return DebianIndex(rows)

    def fetch(
        self,
        file: str,
        expected: Digest,
        open_writer: Callable[[], BlobWriter],
        *,
        suite: Suite | None = None,
        label: str = "",
    ) -> Digest:
        """Put a package into a store, whose writers `open_writer` begins; raises SourceError.

        `suite` and `label` are what an error says where no mirror has the file any more: what took
        its place, and which target to lock again.
        """

        def download(mirror: Mirror) -> Digest:
            with open_writer() as writer:
                return self.http.download(f"{mirror.url}/{file}", writer, expected)

        deb = file.rpartition("/")[2]
        with blame(self.alias, deb):
            try:
                return first_answer(self._package_mirrors(), download)
            except StatusError as error:
                if error.status not in (404, 410):
                    raise
        raise self._superseded(deb, suite, label)

    def _rows(self, suite: Suite, component: str) -> list[Row]:
        mirrors = self._suite_mirrors(suite.name, component)

        def ask(mirror: Mirror) -> list[Row]:
            release = self._release(mirror, suite.name)
            return self._component_rows(mirror, suite, release, component)

        return first_answer(mirrors, ask)

    def _release(self, mirror: Mirror, suite: str) -> Release:
        url = f"{mirror.url}/dists/{suite}/InRelease"
        release = parse_release(self._signed_text(mirror, url).decode("utf-8", "replace"))
        # As apt has it: what follows a slash, as in `buster/updates`, is a folder's name and no suite's.
        if release.names.isdisjoint((suite, suite.rpartition("/")[0] or suite)):
            # Else a mirror could serve an older suite, validly signed, under the newer one's name.
            raise SourceError(
                f"`{redact(url)}` is signed for another suite: {', '.join(sorted(release.names))}"
            )
        self._warn_of_age(release, url)
        return release

    def _signed_text(self, mirror: Mirror, url: str) -> bytes:
        """The release file whose signature stands in it, else beside it, as older archives have it."""
        try:
            return verify_signature(self.http.read(url, _MAX_RELEASE).body, mirror.keyrings, redact(url))
        except StatusError as error:
            if error.status != 404:
                raise
            beside = url.removesuffix("InRelease") + "Release"
            try:
                text, signature = (self.http.read(beside + end, _MAX_RELEASE).body for end in ("", ".gpg"))
            except StatusError:
                raise error from None
        return verify_signature(signature, mirror.keyrings, redact(beside), text)

    def _warn_of_age(self, release: Release, url: str) -> None:
        """A warning, no error: a snapshot's date has passed by design, and what is locked is shown anyway."""
        until = release.valid_until
        if until and until < datetime.now(UTC):
            text = f"`{redact(url)}` was to be replaced by {until:%Y-%m-%d}: newer packages may exist"
            self.sink.emit(Note("warning", text))

    def _component_rows(self, mirror: Mirror, suite: Suite, release: Release, component: str) -> list[Row]:
        path, packed, plain = release.index_files(component, suite.architecture)
        kept = self.cache / f"{packed.hash}.tsv"
        rows = _read_kept(kept)
        if rows is None:
            folder = f"{mirror.url}/dists/{suite.name}"
            parent = path.rpartition("/")[0]
            hashed = f"{folder}/{parent}/by-hash/SHA256/{packed.hash}"
            places = (*([hashed] if release.by_hash else []), f"{folder}/{path}")
            text = _unpack(self._download_index(places, packed), path, plain)
            rows = list(parse_packages(text.decode("utf-8", "replace")))
            keep_text(kept, encode_rows(rows))
        return rows

    def _download_index(self, places: Sequence[str], expected: Digest) -> bytes:
        """The index from the first place that has it: not every mirror of a suite keeps `by-hash`."""
        for url in places[:-1]:
            try:
                return self._download(url, expected)
            except StatusError as error:
                if error.status != 404:
                    raise
        return self._download(places[-1], expected)

    def _download(self, url: str, expected: Digest) -> bytes:
        data = self.http.read(url, min(expected.size, _MAX_INDEX)).body
        if Digest.of(data) != expected:
            hint = "the mirror may be in the middle of an update: try again"
            raise SourceError(f"`{redact(url)}` is not what the signed release file states", hint=hint)
        return data

    def _suite_mirrors(self, suite: str, component: str) -> tuple[Mirror, ...]:
        if self.urls:
            return self._named_mirrors()
        mirrors = apt_mirrors(suite, component, self.apt)
        near = get_close_matches(suite, apt_suites(self.apt), 1)
        return mirrors or self._refuse_none(f" for `{suite}` with `{component}`", near)

    def _package_mirrors(self) -> tuple[Mirror, ...]:
        return self._named_mirrors() if self.urls else all_apt_mirrors(self.apt) or self._refuse_none("", ())

    def _refuse_none(self, wanted: str, near: Sequence[str]) -> NoReturn:
        state = f"name one in envbuild.yaml: `sources: [debian: {{name: {self.alias}, urls: [...]}}]`"
        raise SourceError(
            f"apt's configuration on this machine names no mirror{wanted}",
            hint=f"did you mean `{near[0]}`? Else {state}" if near else state,
        )

    def _named_mirrors(self) -> tuple[Mirror, ...]:
        keyrings = (Keyring(self.keyring or ARCHIVE_KEYRING),)
        return tuple(Mirror(url.rstrip("/"), keyrings) for url in self.urls)

    def _superseded(self, deb: str, suite: Suite | None, label: str) -> SourceError:
        name = deb.partition("_")[0]
        newer = self.index(suite).versions(name) if suite else ()
        instead = f": `{name}` is at version {newer[0].version} now" if newer else ""
        command = f"envbuild lock {label} --upgrade" if label else "envbuild lock --upgrade"
        return SourceError(
            f"no mirror of `{self.alias}` has `{deb}` any more{instead}",
            hint=f"run `{command}`, or name a snapshot mirror in envbuild.yaml, which keeps every version",
        )


def _unpack(data: bytes, path: str, expected: Digest) -> bytes:
    name, dot, suffix = path.rpartition("/")[2].partition(".")
    reader = open_compressed(io.BytesIO(data), dot + suffix, limit=min(expected.size, _MAX_INDEX))
    text = b"".join(iter(lambda: reader.read(PIECE), b""))
    if Digest.of(text) != expected:
        raise SourceError(f"the index `{name}` does not unpack to what the signed release file states")
    return text


def _read_kept(path: Path) -> list[Row] | None:
    try:
        return decode_rows(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
