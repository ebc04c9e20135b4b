"""Connections for a command that asks a question or two.

They are by the standard library: urllib3 takes longer to load than such a command may take. What is rare is
left to `Connections`: proxies, files that are sent, content codings. Answers and errors are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from select import select
from typing import IO, TYPE_CHECKING

from envbuild.sources.connections import (
    Connections,
    RawAnswer,
    broken_off,
    choose_proxy,
    is_head_cut,
    make_context,
    timed_out,
    unknown_host,
    unreachable,
    untrusted,
    unusable,
)
from envbuild.sources.url import origin, parse_url, redact

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

Origin = tuple[str, str, int]


class BriefConnections:
    """Keeps one connection to each origin. For one thread."""

    def __init__(self, connect_timeout: float, read_timeout: float) -> None:
        self._timeouts = (connect_timeout, read_timeout)
        self._idle: dict[Origin, HTTPConnection] = {}
        self._others = Connections(1, connect_timeout, read_timeout)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | IO[bytes] | None
    ) -> RawAnswer:
        """The answer to one request, its body not read yet; raises TransportError."""
        if choose_proxy(url) or not (body is None or isinstance(body, bytes)) or not _is_written_plainly(url):
            return self._others.send(method, url, headers, body)
        place, shown = origin(url), redact(url)
        connection = self._take(place) or _connect(place, self._timeouts, shown)
        with _errors(shown, broken_off):
            parts = parse_url(url)
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request(method, target, body, dict(headers))
            answer = _Answer(
                connection.getresponse(), shown, lambda whole: self._give(place, connection, whole)
            )
        if method == "GET" and is_head_cut(answer):
            answer.close()
            raise broken_off(shown)
        if "Content-Encoding" in answer.headers:
            answer.close()
            return self._others.send(method, url, headers, body)
        return answer

    def close(self) -> None:
        """Close all that is idle."""
        for connection in self._idle.values():
            connection.close()
        self._idle.clear()
        self._others.close()

    def _take(self, place: Origin) -> HTTPConnection | None:
        """The idle connection, unless the server has closed it, or said what nobody asked for."""
        connection = self._idle.pop(place, None)
        if connection and connection.sock and not select([connection.sock], [], [], 0)[0]:
            return connection
        if connection:
            connection.close()
        return None

    def _give(self, place: Origin, connection: HTTPConnection, whole: bool) -> None:  # noqa: FBT001
        if whole and connection.sock:
            self._idle[place] = connection
        else:
            connection.close()


class _Answer:
    """A RawAnswer of the standard library's; `let_go` is told whether all of it was read."""

    def __init__(self, answer: HTTPResponse, shown: str, let_go: Callable[[bool], None]) -> None:
        self.status = answer.status
        self.version = answer.version
        self.headers = _Headers(answer.headers.items())
        self._answer = answer
        self._shown = shown
        self._let_go: Callable[[bool], None] | None = let_go

    @property
    def length_remaining(self) -> int | None:
        return self._answer.length

    @property
    def closed(self) -> bool:
        return self._answer.isclosed()

    def read1(self, amount: int, *, decode_content: bool = False) -> bytes:  # noqa: ARG002 (there is no coding)
        with _errors(self._shown, broken_off):
            piece = self._answer.read1(amount)
        if not piece and self._answer.length:
            raise broken_off(self._shown)
        return piece

    def stream(self, amount: int, *, decode_content: bool = False) -> Iterator[bytes]:
        while piece := self.read1(amount, decode_content=decode_content):
            yield piece

    def close(self) -> None:
        whole = self._answer.isclosed() or self._answer.length == 0
        self._answer.close()
        if self._let_go:
            self._let_go(whole)
            self._let_go = None

    def release_conn(self) -> None:
        self.close()


class _Headers(Mapping[str, str]):
    """Headers by name in any case; of one that stands there several times, all values (RFC 9110, 5.3)."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in lines:
            known = self._values.get(name.lower())
            self._values[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _is_written_plainly(url: str) -> bool:
    """Whether nothing in a URL must be encoded before it is sent."""
    return url.isascii() and url.isprintable() and " " not in url


def _connect(place: Origin, timeouts: tuple[float, float], shown: str) -> HTTPConnection:
    import socket
    from http.client import HTTPConnection, HTTPSConnection

    scheme, host, port = place
    context = make_context() if scheme == "https" else None
    with _errors(shown, unreachable):
        reached = socket.create_connection((host, port), timeouts[0])
        reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        connection = HTTPConnection(host, port)
    else:
        with _errors(shown, broken_off):
            reached = context.wrap_socket(reached, server_hostname=host.rstrip("."))
        connection = HTTPSConnection(host, port, context=context)
    reached.settimeout(timeouts[1])
    connection.sock = reached
    return connection


@contextmanager
def _errors(shown: str, otherwise: Callable[[str], Exception]) -> Iterator[None]:
    """Turn the standard library's exceptions into TransportError."""
    import socket
    import ssl
    from http.client import HTTPException

    try:
        yield
    except TimeoutError as error:
        raise timed_out(shown) from error
    except socket.gaierror as error:
        raise unknown_host(shown) from error
    except ssl.SSLError as error:
        raise untrusted(error, shown) from error
    except UnicodeError as error:  # of a name with an empty label
        raise unusable(shown) from error
    except (HTTPException, OSError, ValueError) as error:
        raise otherwise(shown) from error
