"""URLs: what of one may be shown, whose it is, and the credentials in it."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from envbuild.core.errors import SourceError

Login = tuple[str, str]

_LONGEST = 1000  # characters of a URL that an error shows


def redact(url: str) -> str:
    """The URL without credentials, query and fragment: what an error, event or log may show.

    Where a password holds a `/`, `?` or `#` that is not percent-encoded, the URL's parts are not what
    its writer meant: nothing of it is shown.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for what is no number
    except ValueError:
        return "<malformed URL>"
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return "<URL with `@`>"
    shown = parts._replace(netloc=_host_and_port(parts), query="", fragment="").geturl()
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
    return f"{shown}?..." if parts.query else shown


def split_login(url: str) -> tuple[str, Login | None]:
    """The URL without userinfo, and the (user, password) that stood there, percent-decoded."""
    parts = parse_url(url)
    bare = parts._replace(netloc=_host_and_port(parts)).geturl()
    if parts.username is None:
        return bare, None
    return bare, (unquote(parts.username), unquote(parts.password or ""))


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: two URLs share credentials only if these are equal (RFC 6454)."""
    parts = parse_url(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def join_url(base: str, target: str) -> str:
    """Where a reference in an answer from `base` leads (RFC 3986, section 5); raises SourceError."""
    try:
        return urljoin(base, target)
    except ValueError:
        raise SourceError(f"`{redact(base)}` points to a malformed URL") from None


def parse_url(url: str) -> SplitResult:
    """The parts of an http or https URL; raises SourceError for anything else."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SourceError(f"`{redact(url)}` is no http or https URL", hint="write `https://host/path`")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_and_port(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
