"""Pooled connections to any origin: trusted certificates, proxies, and failures as typed errors.

The environment decides as it does for other programs: `SSL_CERT_FILE`, `SSL_CERT_DIR`,
`REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` name certificates; `http_proxy`, `https_proxy`,
`all_proxy` and `no_proxy` (in either case) name proxies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import IO, TYPE_CHECKING, Final

from envbuild.core.errors import SourceError
from envbuild.sources.url import is_loopback, origin, parse_url, redact, split_login

if TYPE_CHECKING:
    import ssl

    import urllib3

_BLOCK: Final = 1 << 18  # bytes per send of an upload
_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class TransportError(SourceError):
    """No whole answer came; `passing` says whether another try may succeed."""

    def __init__(self, message: str, *, hint: str = "", passing: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.passing = passing


class PlainHttp(TransportError):
    """A server that was spoken to by TLS knows plain HTTP only."""


class Connections:
    """Keeps connections open and gives each request one. Safe for several threads."""

    def __init__(self, pool_size: int, connect_timeout: float, read_timeout: float) -> None:
        self._pool_size = pool_size
        self._timeouts = (connect_timeout, read_timeout)
        self._managers: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._proxies: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | IO[bytes] | None
    ) -> urllib3.BaseHTTPResponse:
        """The answer to one request, its body not read yet; raises TransportError."""
        with transport_errors(url):
            answer = self._manager(url).request(
                method, url, headers=headers, body=body, redirect=False, retries=False, preload_content=False
            )
        if method == "GET" and _is_head_cut(answer):
            answer.close()
            raise _broken_off(redact(url))
        return answer

    def close(self) -> None:
        """Close the connections that no answer holds."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()

    def _manager(self, url: str) -> urllib3.PoolManager:
        scheme, host = origin(url)[:2]
        with self._lock:
            # Once for a host: all of the environment is read for it.
            if (scheme, host) not in self._proxies:
                self._proxies[scheme, host] = choose_proxy(url)
            proxy = self._proxies[scheme, host]
            if (scheme, proxy) not in self._managers:
                self._managers[scheme, proxy] = self._open_manager(scheme, proxy)
            return self._managers[scheme, proxy]

    def _open_manager(self, scheme: str, proxy: str) -> urllib3.PoolManager:
        import urllib3

        timeout = urllib3.Timeout(connect=self._timeouts[0], read=self._timeouts[1])
        context = _trust() if "https" in (scheme, proxy.partition(":")[0]) else None
        if not proxy:
            return urllib3.PoolManager(
                num_pools=32, maxsize=self._pool_size, timeout=timeout, ssl_context=context, blocksize=_BLOCK
            )
        bare, login = split_login(proxy)
        headers = urllib3.make_headers(proxy_basic_auth=":".join(login)) if login else None
        return urllib3.ProxyManager(
            bare, proxy_headers=headers, maxsize=self._pool_size, timeout=timeout, ssl_context=context
        )


def load_client() -> None:
    """Import what sending a request takes, which is imported at its first use otherwise."""
    import ssl  # noqa: F401 (loaded, not used)
    import urllib.request  # noqa: F401

    import urllib3  # noqa: F401


def choose_proxy(url: str) -> str:
    """The proxy that the environment names for a URL, or ""; never one for this machine itself."""
    parts = parse_url(url)
    host = parts.hostname or ""
    if is_loopback(host) or not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""  # before what reads these is imported
    from urllib.request import getproxies_environment, proxy_bypass

    proxies = getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy or proxy_bypass(host, proxies):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


@contextmanager
def transport_errors(url: str) -> Iterator[None]:
    """Turn the HTTP library's exceptions into TransportError."""
    import urllib3

    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # ValueError: a chunk of -5 bytes
        raise _explain(error, redact(url)) from error


def _explain(error: Exception, shown: str) -> TransportError:
    from urllib3 import exceptions

    kinds: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[], TransportError]], ...] = (
        (exceptions.LocationValueError, lambda: _unusable(shown)),
        (exceptions.ProxyError, lambda: _proxy_failed(shown)),
        (exceptions.SSLError, lambda: _untrusted(error, shown)),
        (exceptions.NameResolutionError, lambda: _unknown_host(shown)),
        (exceptions.NewConnectionError, lambda: _unreachable(shown)),
        (exceptions.TimeoutError, lambda: _timed_out(shown)),
    )
    for kind, explanation in kinds:
        if isinstance(error, kind):
            return explanation()
    return _broken_off(shown)


def _is_head_cut(answer: urllib3.BaseHTTPResponse) -> bool:
    """Whether headers are missing: the library takes the end of the stream for the end of the headers.

    Who ends a body by closing must say so (RFC 9112, 9.6), except in HTTP/1.0.
    """
    framed = "Content-Length" in answer.headers or "Transfer-Encoding" in answer.headers
    closing = "close" in answer.headers.get("Connection", "").lower()
    return answer.status in (200, 206) and answer.version == 11 and not framed and not closing


def _broken_off(shown: str) -> TransportError:
    return TransportError(f"`{shown}` broke off its answer", hint="try again; a proxy may be in between")


def _unusable(shown: str) -> TransportError:
    return TransportError(f"`{shown}` is no URL that can be asked", hint="check the address", passing=False)


def _proxy_failed(shown: str) -> TransportError:
    return TransportError(
        f"no way to `{shown}` through the proxy",
        hint="check `https_proxy`, `http_proxy` and `no_proxy`",
    )


def _untrusted(error: Exception, shown: str) -> TransportError:
    if "WRONG_VERSION_NUMBER" in str(error):  # what OpenSSL makes of "HTTP/1.1 400"
        hint = "check the address: it may begin with `http://`"
        return PlainHttp(f"`{shown}` speaks plain HTTP, no TLS", hint=hint, passing=False)
    return TransportError(
        f"no trusted connection to `{shown}`: {_tls_reason(error)}",
        hint="name a file with your certificate authority in `SSL_CERT_FILE`",
        passing=False,
    )


def _unknown_host(shown: str) -> TransportError:
    return TransportError(f"the host of `{shown}` is unknown", hint="check its name, the network and proxies")


def _unreachable(shown: str) -> TransportError:
    return TransportError(f"`{shown}` cannot be reached", hint="check the address, the network and proxies")


def _timed_out(shown: str) -> TransportError:
    return TransportError(f"`{shown}` did not answer in time", hint="check the network, then try again")


def _tls_reason(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "TLS failed"
    return str(reason).lower().replace("_", " ")


def _trust() -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    for name in _BUNDLES:
        bundle = os.environ.get(name)
        if bundle:
            _load_bundle(context, name, bundle)
    return context


def _load_bundle(context: ssl.SSLContext, name: str, bundle: str) -> None:
    try:
        context.load_verify_locations(bundle)
    except OSError as error:  # also ssl.SSLError
        raise SourceError(
            f"the certificates named by `{name}` cannot be read", hint=f"unset `{name}` or mend its path"
        ) from error
