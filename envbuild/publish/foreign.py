"""Blobs that an image has from one of another registry or repository, and that the store may lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.oci.reference import Reference


def _nothing(digest: Digest) -> None:
    """There is nowhere to get it from."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Where such blobs lie, by digest; `fetch` brings one into the store, or raises EnvbuildError."""

    origins: Mapping[Digest, Reference] = field(default_factory=dict)
    fetch: Callable[[Digest], None] = _nothing

    def repository(self, digest: Digest, host: str) -> str:
        """The repository of this host that has the blob; "" for none."""
        origin = self.origins.get(digest)
        return origin.repository if origin and origin.host == host else ""


NO_FOREIGN = Foreign()
