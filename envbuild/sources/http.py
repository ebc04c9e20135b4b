"""The HTTP client that indexes, mirrors, registries and caches share."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from io import SEEK_END
from typing import TYPE_CHECKING, BinaryIO, Final

from envbuild import __version__
from envbuild.core.dataclass import dataclass, replace
from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.sources.connections import Connections, TransportError
from envbuild.sources.netrc import Netrc
from envbuild.sources.patience import Patience
from envbuild.sources.response import Response, StatusError
from envbuild.sources.url import Login, join_url, origin, redact, split_login

if TYPE_CHECKING:
    from envbuild.core.protocols import BlobWriter

__all__ = ["HttpClient", "Patience", "Response", "StatusError", "TransportError", "redact"]

Body = bytes | BinaryIO | None
# Makes a request with these headers beside its own.
Ask = Callable[[Mapping[str, str]], Response]

_MAX_REDIRECTS: Final = 8
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_KEEP_METHOD: Final = frozenset((307, 308))  # RFC 9110, section 15.4: the method must not change
PASSING: Final = frozenset((408, 429, 500, 502, 503, 504))
_REPLACED: Final = "the file was replaced or damaged: trust neither before you know why, then lock again"
_USUAL: Final = Patience()
_PRIVATE: Final = frozenset(("authorization", "cookie", "proxy-authorization"))


@dataclass(frozen=True, slots=True)
class Page:
    """A whole answer; `url` is the one that gave it, after redirects."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: Body
    retried: bool


class WrongBytes(SourceError):
    """A download has another size or digest than expected."""


class HttpClient:
    """Asks HTTP servers. Safe for several threads; imports and connects at the first request.

    Credentials come from an explicit `Authorization` header, else from the URL, else from netrc,
    and never follow a redirect to another origin; nor does what a POST sends. `wait` lets seconds
    pass before another try.
    """

    def __init__(
        self,
        *,
        user_agent: str = f"envbuild/{__version__}",
        pool_size: int = 8,
        patience: Patience = _USUAL,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.patience = patience
        self._wait = wait
        self._user_agent = user_agent
        self._netrc = Netrc()
        self._connections = Connections(pool_size, patience.connect, patience.read)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Response:
        """The answer to a GET, whatever its status; raises TransportError."""
        return self.request("GET", url, headers)

    def read(
        self, url: str, limit: int, headers: Mapping[str, str] | None = None, *, status: int = 200
    ) -> Page:
        """A whole answer to a GET; one that breaks off is asked for again.

        Raises TransportError, StatusError for another status, and SourceError for over `limit` bytes.
        """
        return self.read_answer(lambda: self.get(url, headers).expect(status), limit)

    def read_answer(self, ask: Callable[[], Response], limit: int) -> Page:
        """The whole answer that `ask` gets; if it breaks off, `ask` is called again."""
        attempt = 0
        while True:
            attempt += 1
            answer = ask()  # patient by itself: not to be tried again here
            try:
                with answer as response:
                    return Page(response.url, response.headers, response.read(limit))
            except TransportError as error:
                if attempt >= self.patience.attempts or not error.passing:
                    raise
            self.rest(attempt)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        *,
        retried: bool | None = None,
    ) -> Response:
        """The answer to any request, whatever its status; raises TransportError.

        `body` is bytes, or a file that can seek and is sent from its start. Passing failures are
        tried again if `retried`: by default for GET and HEAD. Redirects of other methods are
        followed only where they keep the method.
        """
        bare, login = split_login(url)
        complete = self._complete(headers or {}, bare, login)
        if body and not isinstance(body, bytes):
            complete["Content-Length"] = str(body.seek(0, SEEK_END))
        again = method in ("GET", "HEAD") if retried is None else retried
        request = _Request(method, bare, complete, body, again)
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send_patiently(request)
            target = _redirect_target(request, response)
            if not target:
                return response
            response.close()
            request = _redirect(request, target)
        raise SourceError(
            f"`{redact(url)}` redirects too often", hint="check the address: the server leads in circles"
        )

    def download(
        self,
        url: str,
        writer: BlobWriter,
        expected: Digest,
        *,
        headers: Mapping[str, str] | None = None,
        progress: Callable[[int], None] | None = None,
        ask: Ask | None = None,
    ) -> Digest:
        """Write a body into `writer` and commit it; `progress` gets the bytes done so far.

        A transfer that breaks off goes on where it stopped: `ask` makes each request, with the
        headers it is given. Raises WrongBytes, and commits nothing, unless size and sha256 are the
        expected ones.
        """
        done = 0
        ask = ask or (lambda extra: self.get(url, {**(headers or {}), **extra}))
        for piece in self.stream(ask, expected.size):
            done += len(piece)
            if done > expected.size:
                larger = f"`{redact(url)}` is larger than the {expected.size} bytes locked"
                raise WrongBytes(larger, hint=_REPLACED)
            writer.write(piece)
            if progress:
                progress(done)
        _verify(url, expected, writer.digest())
        return writer.commit(expected)

    def stream(self, ask: Ask, size: int = sys.maxsize) -> Iterator[bytes]:
        """The pieces of a body of at most `size` bytes; a new request goes on where an answer broke off.

        What comes after a break may be of another file: whoever knows size and sha256 checks them.
        """
        done = 0
        for attempt in range(1, self.patience.attempts + 1):
            answer = ask({"Range": f"bytes={done}-"} if done else {})  # patient by itself
            try:
                with answer as response:
                    for piece in _from_offset(response, done):
                        done += len(piece)
                        yield piece
                return
            except TransportError as error:
                if attempt == self.patience.attempts or not error.passing or done >= size:
                    raise
            self.rest(attempt)

    def rest(self, attempt: int, retry_after: str = "") -> None:
        """Wait after a failed attempt, counted from 1."""
        self._wait(self.patience.pause_after(attempt, retry_after))

    def close(self) -> None:
        """Close idle connections."""
        self._connections.close()

    def _complete(self, headers: Mapping[str, str], url: str, login: Login | None) -> dict[str, str]:
        complete = {"User-Agent": self._user_agent, "Accept-Encoding": "identity", **headers}
        if not any(name.lower() == "authorization" for name in complete):
            login = login or self._netrc.find(origin(url)[1])
            if login:
                complete["Authorization"] = basic_authorization(login)
        return complete

    def _send_patiently(self, request: _Request) -> Response:
        for attempt in range(1, self.patience.attempts + 1):
            last = not request.retried or attempt == self.patience.attempts
            if request.body and not isinstance(request.body, bytes):
                request.body.seek(0)
            try:
                raw = self._connections.send(request.method, request.url, request.headers, request.body)
            except TransportError as error:
                if last or not error.passing:
                    raise
                self.rest(attempt)
                continue
            response = Response(raw, request.url, self.patience.whole)
            if last or response.status not in PASSING:
                break
            response.close()
            self.rest(attempt, response.headers.get("Retry-After", ""))
        return response


def basic_authorization(login: Login) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(":".join(login).encode(errors="surrogateescape")).decode()


def _from_offset(response: Response, offset: int) -> Iterator[bytes]:
    """The pieces from `offset` on, whether the server heeded the range (RFC 9110, 14.4) or not."""
    if offset and response.status == 206:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            raise SourceError(
                f"`{redact(response.url)}` answered with another range than asked for",
                hint="try again; a proxy or a cache may be in between",
            )
        yield from response.stream()
        return
    skipped = 0
    for piece in response.expect(200).stream():
        cut = min(len(piece), offset - skipped)
        skipped += cut
        if cut < len(piece):
            yield piece[cut:]


def _verify(url: str, expected: Digest, received: Digest) -> None:
    if received.size != expected.size:
        raise WrongBytes(
            f"`{redact(url)}` ended after {received.size} of {expected.size} bytes",
            hint="try again; if it stays so, the file was replaced: lock again",
        )
    if received != expected:
        raise WrongBytes(
            f"`{redact(url)}` has the sha256 {received.hash}, but {expected.hash} is locked",
            hint=_REPLACED,
        )


def _redirect_target(request: _Request, response: Response) -> str:
    """Where a redirect points to, or "" where the answer is none that may be followed."""
    if response.status not in _REDIRECTS:
        return ""
    if request.method not in ("GET", "HEAD") and response.status not in _KEEP_METHOD:
        return ""
    return response.headers.get("Location", "")


def _redirect(request: _Request, target: str) -> _Request:
    url, _ = split_login(join_url(request.url, target))
    here, there = origin(request.url), origin(url)
    if here[0] == "https" and there[0] == "http":
        raise SourceError(f"`{redact(request.url)}` redirects to the unprotected `{redact(url)}`")
    if here == there:
        return replace(request, url=url)
    if request.method == "POST" and request.body:  # a form may hold a token (RFC 6749, section 6)
        raise SourceError(f"`{redact(request.url)}` redirects what was sent to it to `{redact(url)}`")
    kept = {name: value for name, value in request.headers.items() if name.lower() not in _PRIVATE}
    return replace(request, url=url, headers=kept)
