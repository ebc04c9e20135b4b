"""How images and registries are named (distribution spec, "Pulling manifests").

The host is required: nothing falls back to a registry that was not asked for.
"""

from __future__ import annotations

from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError, UsageError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

LATEST: Final = "latest"
_HUB: Final = "docker.io"
_DIGEST: Final = compile_later(r"sha256:[0-9a-f]{64}\Z")
_HOST: Final = compile_later(
    r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?\Z"
)
_PATH: Final = compile_later(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z"
)
_TAG: Final = compile_later(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry, by its tag."""

    host: str
    repository: str
    tag: str = LATEST

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image that a user names, in normal form: by tag, by the digest of a manifest or index, or by both.

    The registry is a host, or an alias of the workspace: `alias//repository:tag`.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""  # "sha256:<hex>"; where there is one, it decides
    alias: str = ""

    def __str__(self) -> str:
        place = f"{self.alias}//" if self.alias else f"{self.host}/"
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{place}{self.repository}{tag}{digest}"

    @property
    def reference(self) -> str:
        """What to ask the registry for."""
        return self.digest or self.tag

    @classmethod
    def parse(cls, text: str, *, alias: str = "") -> ImageName:
        """Read what `docker pull` reads, or the normal form; raises SpecError.

        With an `alias` there is no host. Without one, a name that has no host is Docker Hub's:
        `python:3.12` is `docker.io/library/python:3.12`.
        """
        stated, double, rest = text.partition("//")
        if double and not alias:
            alias, text = stated, rest
        name, at, digest = text.partition("@")
        place, tag = _split_tag(name)
        host, path = ("", place) if alias else _split_host(place)
        sound = is_repository(path) and (tag is None or is_tag(tag)) and (not at or _DIGEST.match(digest))
        if not sound:
            hint = "write `host/repository:tag`, or `host/repository@sha256:...`"
            raise SpecError(f"`{excerpt(text)}` names no image", hint=hint)
        return cls(host, path, tag or ("" if digest else LATEST), digest, alias)


def _split_tag(name: str) -> tuple[str, str | None]:
    place, colon, tag = name.rpartition(":")
    return (place, tag) if colon and "/" not in tag else (name, None)


def _split_host(place: str) -> tuple[str, str]:
    host, slash, path = place.partition("/")
    if slash and is_host(host):
        return host, f"library/{path}" if host == _HUB and "/" not in path else path
    return _HUB, place if slash else f"library/{place}"


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
                f"`{excerpt(text)}` is no registry",
                hint="write `host:port` or `host/path`, without `https://`",
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
