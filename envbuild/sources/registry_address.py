"""Where a registry is, and which connections to it and its helpers are protected enough."""

from __future__ import annotations

import ipaddress
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import RegistryError
from envbuild.sources.url import is_loopback, origin, parse_url, redact

_HUB_API: Final = {"docker.io": "registry-1.docker.io"}  # its name and its API's host differ


@dataclass(frozen=True, slots=True)
class Address:
    """A registry, as `host[:port]`; `plain_http` allows it to do without TLS though it is no loopback."""

    host: str
    plain_http: bool = False

    @property
    def api(self) -> str:
        """The URL below which the distribution API is."""
        scheme = "http" if self.plain_http or is_loopback(self._name) else "https"
        return f"{scheme}://{_HUB_API.get(self.host, self.host)}/v2/"

    def has(self, url: str) -> bool:
        """Whether a URL is on the registry's own host: only then it may see a login."""
        return origin(url) == origin(self.api)

    def check_host(self) -> None:
        """Raise RegistryError before plain HTTP is spoken to a `localhost` that is another machine."""
        if self.plain_http or not is_loopback(self._name) or _stays_here(self._name):
            return
        raise RegistryError(f"`{self.host}` is no loopback address here", hint=self.plain_hint())

    def check_protected(self, url: str) -> None:
        """Raise RegistryError for plain HTTP to where this registry may not send us without TLS."""
        parts = parse_url(url)
        allowed = self.plain_http or is_loopback(parts.hostname or "")
        if parts.scheme == "https" or (allowed and self.api.startswith("http:")):
            return
        raise RegistryError(
            f"`{self.host}` sends us to `{redact(url)}`, which is not protected by TLS",
            hint="let the proxy before the registry pass `X-Forwarded-Proto`, or set its public address",
        )

    def plain_hint(self) -> str:
        """How to allow plain HTTP."""
        return f'give it TLS, or allow plain HTTP in envbuild.yaml: `plain_http: ["{self.host}"]`'

    @property
    def _name(self) -> str:
        return self.host.rpartition(":")[0] if self.host[-1:].isdecimal() and ":" in self.host else self.host


def _stays_here(name: str) -> bool:
    """Whether all addresses of a name are loopback ones; nothing is sent to a name that has none."""
    import socket

    try:
        found = socket.getaddrinfo(name.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError:
        return True
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)
