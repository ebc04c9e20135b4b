"""References: how images in registries are named (distribution spec, "Pulling manifests").

A name is `host[:port]/path[:tag][@digest]`. The host is required: nothing falls back to a registry
that was not asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from envbuild.core.digest import PREFIX, parse_sha256
from envbuild.core.errors import EnvbuildError, UsageError

LATEST: Final = "latest"
_HOST: Final = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?\Z")
_PATH: Final = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z"
)
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry; `digest` is "sha256:<hex>" or "", and is what counts where it is given."""

    host: str
    repository: str
    tag: str = LATEST
    digest: str = ""

    def __str__(self) -> str:
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}:{self.tag}{digest}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `host/path[:tag][@digest]`; raises UsageError."""
        name, _, digest = text.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        host, _, path = f"{head}{slash}{last}".partition("/")
        _require(is_host(host) and is_repository(path), text)
        _require(is_tag(tag or LATEST), text)
        return cls(host, path, tag or LATEST, _read_digest(digest, text) if digest else "")


@dataclass(frozen=True, slots=True)
class RegistryName:
    """A registry, and the path in it below which our repositories lie ("" for its top)."""

    host: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host

    def place(self, repository: str) -> str:
        """A repository of ours as the registry knows it."""
        return f"{self.path}/{repository}" if self.path else repository

    @classmethod
    def parse(cls, text: str) -> RegistryName:
        """Read `host[:port][/path]`; raises UsageError."""
        host, slash, path = text.removesuffix("/").partition("/")
        if not is_host(host) or (slash and not is_repository(path)):
            raise UsageError(
                f"`{text}` is no registry", hint="write `host:port` or `host/path`, without `https://`"
            )
        return cls(host, path)


def is_host(text: str) -> bool:
    """Whether a name's first part can only be a host: it has a dot or a port, or is `localhost`."""
    return bool(_HOST.match(text)) and (text == "localhost" or any(mark in text for mark in ".:"))


def is_repository(text: str) -> bool:
    """Whether a text is a repository's name."""
    return bool(_PATH.match(text)) and len(text) <= 255


def is_tag(text: str) -> bool:
    """Whether a text is a tag."""
    return bool(_TAG.match(text))


def _read_digest(digest: str, text: str) -> str:
    try:
        return PREFIX + parse_sha256(digest)
    except EnvbuildError as error:
        raise UsageError(f"`{text}` has no sha256 digest behind `@`", hint=error.hint) from None


def _require(condition: bool, text: str) -> None:  # noqa: FBT001 (a condition is what it takes)
    if not condition:
        raise UsageError(
            f"`{text}` names no image in a registry", hint="write `host/path:tag` or `host/path@sha256:...`"
        )
