"""What images are called for others."""

from __future__ import annotations

from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import UsageError
from envbuild.oci.reference import LATEST, is_repository, is_tag

DEFAULT_TEMPLATE: Final = "envs/env_{hash}"
DEFAULT_POOL: Final = "envs/blobs"
_HASH: Final = "{hash}"


@dataclass(frozen=True, slots=True)
class Naming:
    """How images are named for others: `repository[:tag]` with `{hash}` in it, and the pool of blobs.

    Where all images share one repository, that is their pool, too.
    """

    template: str = DEFAULT_TEMPLATE
    pool: str = DEFAULT_POOL

    def __post_init__(self) -> None:
        repository, tag = self.place("0" * 32)
        if _HASH not in self.template or not (is_repository(repository) and is_tag(tag)):
            hint = f"write `{DEFAULT_TEMPLATE}` or `envs:env_{_HASH}`"
            raise UsageError(f"`{self.template}` names no image per `{_HASH}`", hint=hint)

    def name(self, name_hash: str) -> str:
        """An image as reports call it: its repository, and its tag where the template has one."""
        return self.template.replace(_HASH, name_hash)

    def place(self, name_hash: str) -> tuple[str, str]:
        """The repository and tag of an image."""
        repository, _, tag = self.name(name_hash).partition(":")
        return repository, tag or LATEST

    def tag(self, name_hash: str) -> str:
        """`repository:tag`: what an engine calls the image."""
        return ":".join(self.place(name_hash))

    @property
    def pooled(self) -> bool:
        """Whether images have repositories of their own, and so need a pool to share blobs."""
        return _HASH in self.template.partition(":")[0]


USUAL: Final = Naming()
