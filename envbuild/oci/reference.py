"""How images and registries are named (distribution spec, "Pulling manifests").

The host is required: nothing falls back to a registry that was not asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from envbuild.core.errors import UsageError

LATEST: Final = "latest"
_HOST: Final = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?\Z")
_PATH: Final = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z"
)
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry, by its tag."""

    host: str
    repository: str
    tag: str = LATEST

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class RegistryName:
    """A registry, and the path in it below which our repositories lie ("" for its top)."""

    host: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host

    def place(self, repository: str, tag: str = LATEST) -> Reference:
        """An image of ours as the registry knows it."""
        return Reference(self.host, f"{self.path}/{repository}" if self.path else repository, tag)

    @classmethod
    def parse(cls, text: str) -> RegistryName:
        """Read `host[:port][/path]`; raises UsageError."""
        if "@" in text:
            hint = "write `host:port` or `host/path`, and log in with `docker login`"
            raise UsageError("the registry's name holds credentials, or a digest", hint=hint)
        host, slash, path = text.removesuffix("/").partition("/")
        if not is_host(host) or (slash and not is_repository(path)):
            raise UsageError(
                f"`{text}` is no registry", hint="write `host:port` or `host/path`, without `https://`"
            )
        return cls(host, path)


def is_host(text: str) -> bool:
    """Whether a name's first part can only be a host: it has a dot or a port, or is `localhost`."""
    if not _HOST.match(text) or not (text == "localhost" or any(mark in text for mark in ".:")):
        return False
    port = text.rpartition("]")[2].partition(":")[2]
    return not port or 0 < int(port) < 2**16


def is_repository(text: str) -> bool:
    """Whether a text is a repository's name."""
    return bool(_PATH.match(text)) and len(text) <= 255


def is_tag(text: str) -> bool:
    """Whether a text is a tag."""
    return bool(_TAG.match(text))
