"""Sharded repodata (CEP 16): an index of names, and what there is of each name in a file of its own."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from envbuild.archive.decompress import PIECE, open_compressed
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError, SourceError
from envbuild.core.text import excerpt
from envbuild.sources.kept_values import KeptValues
from envbuild.sources.url import join_url

NAME: Final = "repodata_shards.msgpack.zst"

MAX_SHARD: Final = 64 << 20
_MAX_UNPACKED: Final = 512 << 20
_SECTIONS: Final = ("packages", "packages.conda")


@dataclass(frozen=True, slots=True)
class Shards:
    """What a subdir has by name, for whoever asks for it; `fetch` gets a file of the channel.

    What was fetched is kept in `folder` by its sha256, which is in the index. Safe for several threads.
    """

    url: str
    hashes: Mapping[str, str]
    folder: Path
    fetch: Callable[[str], bytes]

    def records(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """The records of a package by file, in both sections of a repodata.json; raises SourceError."""
        sha256 = self.hashes.get(name)
        if sha256 is None:
            return {}
        return KeptValues(self.folder, dict, _sections).get(sha256, lambda: self._load(sha256))

    def _load(self, sha256: str) -> Mapping[str, Mapping[str, Any]]:
        url = f"{self.url}{sha256}.msgpack.zst"
        data = self.fetch(url)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _unreadable(url, "its sha256 is another than the index states")
        try:
            return _sections(json.loads(json.dumps(unpack(data, url), default=bytes.hex)))
        except (TypeError, ValueError):
            raise _unreadable(url, "it holds no records") from None


def read_index(data: bytes, url: str) -> Mapping[str, Any] | None:
    """What an index of shards at `url` says: where they are, and their sha256 by name; raises SourceError.

    None where it leads to packages of another place: a lock names them by their channel.
    """
    document = unpack(data, url)
    try:
        info, shards = document["info"], document["shards"]
        hashes = {str(name): digest.hex() for name, digest in shards.items()}
        base, place = str(info.get("base_url") or ""), str(info["shards_base_url"])
    except (KeyError, TypeError, AttributeError):
        raise _unreadable(url, "it is no index of shards") from None
    if any(len(digest) != 64 for digest in hashes.values()):
        raise _unreadable(url, "it states what is no sha256")
    if join_url(url, base or ".").rstrip("/") != url.rpartition("/")[0]:
        return None
    return {"url": join_url(url, place.rstrip("/") + "/"), "hashes": hashes}


def unpack(data: bytes, url: str) -> Any:
    """What compressed msgpack holds; raises SourceError."""
    import msgpack

    try:
        reader = open_compressed(io.BytesIO(data), ".zst", limit=_MAX_UNPACKED)
        text = b"".join(iter(lambda: reader.read(PIECE), b""))
        return msgpack.unpackb(text)
    except ArchiveError as error:
        raise _unreadable(url, error.message) from None
    except (ValueError, msgpack.UnpackException):
        raise _unreadable(url, "it is no msgpack") from None


def _sections(values: Any) -> Mapping[str, Mapping[str, Any]]:
    found = {name: values.get(name) or {} for name in _SECTIONS} if isinstance(values, dict) else {}
    if not found or not all(isinstance(section, dict) for section in found.values()):
        raise ValueError("no sections")
    return found


def _unreadable(url: str, reason: str) -> SourceError:
    return SourceError(
        f"`{excerpt(url.rpartition('/')[2])}` cannot be read: {reason}",
        hint="the channel is damaged, or being updated: try again, or tell whoever runs it",
    )
