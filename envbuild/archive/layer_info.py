"""What is known of a finished layer."""

from __future__ import annotations

from envbuild.archive.listing import Entry
from envbuild.core.dataclass import dataclass
from envbuild.core.digest import PREFIX, Digest, parse_sha256
from envbuild.core.errors import ArchiveError, EnvbuildError
from envbuild.core.wire import canonical_json, parse_json


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """A finished layer: `digest` is of its compressed bytes, `diff_id` of the tar inside ("sha256:<hex>").

    `uncompressed` is the tar's size in bytes, `body` that of the compressed bytes before the directories,
    by which layers are merged. `entries`, in the order written, are no part of the JSON form.
    """

    digest: Digest
    diff_id: str
    uncompressed: int
    body: int
    entries: tuple[Entry, ...] = ()

    def to_json(self) -> bytes:
        """The canonical JSON text."""
        return canonical_json(
            {
                "body": self.body,
                "diff_id": self.diff_id,
                "digest": str(self.digest),
                "size": self.digest.size,
                "uncompressed": self.uncompressed,
            }
        )

    @classmethod
    def from_json(cls, data: bytes) -> LayerInfo:
        """Read what `to_json` wrote; raises ArchiveError for anything else."""
        try:
            values = parse_json(data)
            digest = Digest.parse(values["digest"], values["size"])
            info = cls(
                digest, PREFIX + parse_sha256(values["diff_id"]), values["uncompressed"], values["body"]
            )
            sizes = (digest.size, info.uncompressed, info.body)
            plain = all(type(size) is int and size >= 0 for size in sizes)
            canonical = plain and info.body <= digest.size and info.to_json() == data
        except (ValueError, KeyError, TypeError, AttributeError, EnvbuildError):
            canonical = False
        if not canonical:
            raise ArchiveError("a layer's description is malformed")
        return info
