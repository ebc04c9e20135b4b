"""An HTTP answer: status, headers, and a body that is read within bounds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from envbuild.core.errors import SourceError
from envbuild.sources.connections import TransportError, transport_errors
from envbuild.sources.url import redact

if TYPE_CHECKING:
    import urllib3

CHUNK: Final = 1 << 18
_REST: Final = 1 << 12  # bytes of a body that nobody reads: less work than another connection
_ADVICE: Final = {
    401: "put a login for this host into ~/.netrc, or the file that `NETRC` names",
    403: "ask for access, or check the login for this host in ~/.netrc",
    404: "check the name and the address",
    410: "check the name and the address",
    407: "put the proxy's credentials into `https_proxy`",
    429: "it asks for fewer requests: try again later",
}


class StatusError(SourceError):
    """A server answered with another status than those expected."""

    def __init__(self, status: int, url: str) -> None:
        fallback = "try again later" if status >= 500 else "check the address, and what answers there"
        super().__init__(
            f"`{redact(url)}` answered {describe_status(status)}", hint=_ADVICE.get(status, fallback)
        )
        self.status = status


class Response:
    """An answer whose body is still on its way: use it in a `with` block, read the body once.

    `url` is the one that answered, after redirects; it may hold secrets: redact it to show it.
    `headers` are looked up in any case. Reading raises TransportError where the body breaks off.
    A whole body is read in `seconds` or not at all.
    """

    def __init__(self, raw: urllib3.BaseHTTPResponse, url: str, seconds: float) -> None:
        self._raw = raw
        self._seconds = seconds
        self.url = url
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def expect(self, *statuses: int) -> Self:
        """Itself; raises StatusError, and lets the connection go, unless its status is one of these."""
        if self.status not in (statuses or (200,)):
            self.close()
            raise StatusError(self.status, self.url)
        return self

    def stream(self, chunk: int = CHUNK) -> Iterator[bytes]:
        """The body's bytes as sent, any content coding left on, in pieces of at most `chunk` bytes."""
        with transport_errors(self.url):
            yield from self._raw.stream(chunk, decode_content=False)

    def read(self, limit: int) -> bytes:
        """The whole body, content coding removed; raises SourceError where it is over `limit` bytes."""
        pieces, room, until = [], limit + 1, time.monotonic() + self._seconds
        with transport_errors(self.url):
            # What has come, not all that was asked for: else a trickle would have no end.
            while room and (piece := self._raw.read1(min(room, CHUNK), decode_content=True)):
                if time.monotonic() > until:
                    raise self._too_slow()
                pieces.append(piece)
                room -= len(piece)
        if not room:
            raise SourceError(
                f"`{redact(self.url)}` answered with more than the {limit} bytes expected",
                hint="check the address: this is something else than it should be",
            )
        return b"".join(pieces)

    def _too_slow(self) -> TransportError:
        message = f"`{redact(self.url)}` was not read whole within {self._seconds:g} s"
        return TransportError(message, hint="check the network, then try again later", passing=False)

    def close(self) -> None:
        """Let the connection go: back to the pool if the body is read, or all but read, else closed."""
        rest = self._raw.length_remaining
        if rest is not None and rest <= _REST and not self._raw.closed:
            with suppress(SourceError):
                self.read(_REST)
        self._abandon()

    def _abandon(self) -> None:
        self._raw.close()
        self._raw.release_conn()


def describe_status(status: int) -> str:
    """A status with its name, as in "404 (not found)"."""
    try:
        return f"{status} ({HTTPStatus(status).phrase.lower()})"
    except ValueError:
        return str(status)
