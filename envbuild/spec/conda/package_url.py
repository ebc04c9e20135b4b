"""URLs of conda packages, with their digests behind a `#`, and channels by URL or alias."""

from __future__ import annotations

from urllib.parse import urlsplit

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.spec.conda.match_spec import refuse_credentials
from envbuild.spec.conda.model import ExactPackage

_MAX_LENGTH = 4096
_SUFFIXES = (".conda", ".tar.bz2")
_FILE = compile_later(r"[^/\s]+-[^-/\s]+-[^-/\s]+(?:\.conda|\.tar\.bz2)\Z")
_SUBDIR = compile_later(r"noarch\Z|[a-z0-9]+-[a-z0-9_]+\Z")
_MD5 = compile_later(r"(?:md5:)?([0-9a-f]{32})\Z")
_SHA256 = compile_later(r"(?:sha256[:=])?([0-9a-f]{64})\Z")
# An alias, with the folders that a channel may have below it: `pkgs/main`, `conda-forge/label/rc`.
_ALIAS = compile_later(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._-]+)*\Z")


def is_package_url(text: str) -> bool:
    """Whether a dependency is a package's URL, or its path, instead of a MatchSpec."""
    bare = text.partition("#")[0].strip()
    return bare.endswith(_SUFFIXES) and ("://" in bare or bare.startswith((".", "/", "~")))


def read_package_url(text: str) -> ExactPackage:
    """A package's URL with its digest: `#<md5>`, `#md5:<md5>` or `#sha256:<sha256>`; raises SpecError.

    Its platform is the folder that it lies in, "" for `noarch`.
    """
    url, _, fragment = text.partition("#")
    _check_url(url)
    parts = url.split("/")
    if not _FILE.match(parts[-1]) or not _SUBDIR.match(parts[-2]):
        raise SpecError(
            f"`{excerpt(url)}` is no conda package's URL",
            hint="write `https://host/channel/linux-64/name-version-build.conda`",
        )
    platform = "" if parts[-2] == "noarch" else parts[-2]
    if match := _SHA256.match(fragment):
        return ExactPackage(url, sha256=match[1], platform=platform)
    if match := _MD5.match(fragment):
        return ExactPackage(url, md5=match[1], platform=platform)
    if fragment:
        raise SpecError(
            f"`#{excerpt(fragment)}` is no digest", hint="write `#sha256:<64 hex digits>` or `#<md5>`"
        )
    return ExactPackage(url, platform=platform)


def read_channel(text: str) -> str:
    """A channel's alias, or its URL without a slash at its end; raises SpecError."""
    channel = text.strip()
    if "://" in channel:
        _check_url(channel)
        return channel.rstrip("/")
    refuse_credentials(channel)
    if not _ALIAS.match(channel) or ".." in channel.split("/"):
        raise SpecError(
            f"`{excerpt(text)}` is no channel",
            hint="write the alias of one in envbuild.yaml, or a `https:` or `file:` URL",
        )
    return channel


def _check_url(url: str) -> None:
    refuse_credentials(url)
    try:
        parts = urlsplit(url)
        known = parts.scheme == "file" or (parts.scheme in ("http", "https") and parts.hostname)
    except ValueError:
        known = False
    if len(url) > _MAX_LENGTH or not url.isprintable() or " " in url or not known:
        raise SpecError(f"`{excerpt(url)}` is no `https:` or `file:` URL", hint="write `https://host/path`")
    if parts.query or parts.fragment or ".." in parts.path.split("/"):
        raise SpecError(
            f"`{excerpt(url)}` is not the plain URL of a place", hint="write only scheme, host and path"
        )
