"""Conda channels: indexes of their packages, and locked packages found again by alias, folder and name.

A channel is a folder with a subfolder ("subdir") for each platform and one for `noarch`; each has a
`repodata.json`, maybe compressed, and the packages (conda's documentation, "Channels and repodata").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Final, cast
from urllib.parse import quote, unquote, urlsplit

from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError, SourceError
from envbuild.core.protocols import BlobWriter
from envbuild.sources.authorization import Credentials
from envbuild.sources.blame import blame
from envbuild.sources.connections import TransportError
from envbuild.sources.copies import first_answer
from envbuild.sources.http import HttpClient, StatusError, WrongBytes, basic_authorization
from envbuild.sources.remote_file import open_remote
from envbuild.sources.url import origin, parse_url, redact

_PIECE: Final = 1 << 20
# Conda's configuration (`default_channels`) says where these lie: not below its `channel_alias`, where
# anybody may own the name.
_ELSEWHERE: Final = ("defaults", "pkgs")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a channel lies: its URLs, each a whole copy, and whose login they want, if anybody's.

    `stated` says that the workspace or the spec tells so; else it is where conda would look.
    """

    urls: tuple[str, ...]
    login: Credentials | None = field(default=None, repr=False)
    stated: bool = True


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a workspace by alias, and any other by its URL. Safe for several threads.

    An alias may be followed by folders below it: `conda-forge/label/rc`.
    `default` tells the URL of a name that the workspace does not have; "" where there is none.
    """

    http: HttpClient
    addresses: Mapping[str, Address]
    default: Callable[[str], str] = field(default=lambda _: "", repr=False)

    def locate(self, channel: str) -> Address:
        """Where the channel of an alias or URL lies; raises SourceError."""
        if "://" in channel and self.alias(channel) == channel:
            return Address((channel.rstrip("/"),))
        channel = self.alias(channel)
        alias, slash, folder = channel.partition("/")
        for name, below in ((channel, ""), (alias, slash + folder)):
            if found := self.addresses.get(name):
                return replace(found, urls=tuple(url + below for url in found.urls))
        if alias in _ELSEWHERE:
            raise SourceError(
                f"the workspace has no channel `{channel}`, a name of conda's own for what lies elsewhere",
                hint=f"remove it, or {self.advise(channel)}",
            )
        if url := self.default(channel):
            return Address((url.rstrip("/"),), stated=False)
        known = ", ".join(f"`{each}`" for each in sorted(self.addresses)) or "none"
        raise SourceError(
            f"the workspace has no channel `{channel}`",
            hint=f"it has {known}: write `- channel: {{name: {channel}, url: ...}}` into envbuild.yaml",
        )

    def advise(self, channel: str) -> str:
        """A hint for a channel that the workspace does not have."""
        near = get_close_matches(channel, sorted(self.addresses), 1)
        alias = channel.partition("/")[0]
        state = f"name the channel in envbuild.yaml: `- channel: {{name: {alias}, url: ...}}`"
        return f"did you mean `{near[0]}`? Else {state}" if near else state

    def alias(self, url: str) -> str:
        """What the workspace calls the channel of a URL; the URL itself where it has no name."""
        bare = url.rstrip("/")
        return next((name for name, each in self.addresses.items() if bare in each.urls), url)

    def fetch(
        self,
        channel: str,
        file: str,
        expected: Digest,
        open_writer: Callable[[], BlobWriter],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Digest:
        """Put a package, by its path in the channel, into a store, whose writers `open_writer` begins.

        It is verified; raises SourceError.
        """
        address = self.locate(channel)

        def download(url: str) -> Digest:
            with open_writer() as writer:
                return self._fetch(url, address, expected, writer, progress)

        with blame(channel, file):
            return first_answer(_places(address, file), download)

    def stream(self, channel: str, file: str) -> Iterator[bytes]:
        """The bytes of a package, by its path in the channel, unverified; raises SourceError."""
        address = self.locate(channel)
        with blame(channel, file):
            *others, last = _places(address, file)
            for url in others:
                begun = False
                try:
                    for piece in self._stream(url, address):
                        begun = True
                        yield piece
                    return
                except (StatusError, TransportError):
                    if begun:
                        raise
            yield from self._stream(last, address)

    def _stream(self, url: str, address: Address) -> Iterator[bytes]:
        if url.startswith("file:"):
            return read_local(url)
        own = self.authorization(url, address)
        return self.http.stream(lambda extra: self.http.get(url, {**own, **extra}))

    def open(self, channel: str, file: str) -> IO[bytes] | None:
        """A package where it lies, to be read in parts; None where a server knows none."""
        address = self.locate(channel)
        with blame(channel, file):
            return first_answer(_places(address, file), lambda url: self._open(url, address))

    def _open(self, url: str, address: Address) -> IO[bytes] | None:
        if url.startswith("file:"):
            return _open_local(url)
        remote = open_remote(self.http, url, self.authorization(url, address))
        return cast("IO[bytes]", remote) if remote else None

    def authorization(self, url: str, address: Address) -> dict[str, str]:
        """The header with the channel's own login, for a URL of the same origin; raises SourceError."""
        if address.login is None or all(origin(url) != origin(each) for each in address.urls):
            return {}
        try:
            login = address.login.find(parse_url(url).hostname or "")
        except EnvbuildError as error:
            raise SourceError(error.message, hint=error.hint) from None
        return {"Authorization": basic_authorization((login.user, login.secret))} if login else {}

    def _fetch(
        self,
        url: str,
        address: Address,
        expected: Digest,
        writer: BlobWriter,
        progress: Callable[[int], None] | None,
    ) -> Digest:
        if not url.startswith("file:"):
            headers = self.authorization(url, address)
            return self.http.download(url, writer, expected, headers=headers, progress=progress)
        for piece in read_local(url):
            writer.write(piece)
        _verify(url, expected, writer.digest())
        return writer.commit(expected)


def _places(address: Address, file: str) -> list[str]:
    return [f"{url}/{quote(file)}" for url in address.urls]


def default_channel_url(name: str) -> str:
    """Where conda itself looks for a channel of this name: below its `channel_alias`."""
    from rattler import Channel

    return str(Channel(name).base_url)


def local_path(url: str) -> Path:
    """The file or folder of a `file:` URL (RFC 8089)."""
    return Path(unquote(urlsplit(url).path))


def read_local(url: str) -> Iterator[bytes]:
    """The pieces of a file of this machine; raises TransportError."""
    with _open_local(url) as file:
        yield from iter(lambda: file.read(_PIECE), b"")


def _open_local(url: str) -> IO[bytes]:
    path = local_path(url)
    try:
        return path.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "make the channel's folder again, or correct its URL"
        raise TransportError(f"`{path}` cannot be read: {reason}", hint=hint) from None


def _verify(url: str, expected: Digest, found: Digest) -> None:
    """A folder's files are trusted no more than a server's."""
    if found != expected:
        raise WrongBytes(
            f"`{local_path(url)}` has {found.size} bytes of the sha256 {found.hash},"
            f" but {expected.size} of {expected.hash} are locked",
            hint="the file was replaced or damaged: trust neither before you know why, then lock again",
        )


def shown(url: str) -> str:
    """A channel's address as errors show it."""
    return url if url.startswith("file:") else redact(url)
