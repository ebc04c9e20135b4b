"""What building one target takes, whatever its rule and its spec were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from envbuild.core.dataclass import dataclass

if TYPE_CHECKING:
    from envbuild.core.action import ActionResult
    from envbuild.core.digest import Digest
    from envbuild.lock.model import Locked
    from envbuild.rule.declared import DeclaredAction

_NAME_DIGITS = 32

Owners = tuple[str, ...]
Results = Mapping[str, "ActionResult"]
"""Results by definition digest."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A target's image: the `action` that ends it, and who owns the paths of each layer.

    `platforms` has these owners bottom up, by platform, in the order of the image's manifests; `foreign`
    are the layers that come from images of registries.
    """

    label: str
    action: DeclaredAction
    platforms: Mapping[str, tuple[Owners, ...]]
    foreign: Mapping[Digest, Locked]

    @property
    def definition(self) -> str:
        """The definition digest, "sha256:<hex>"."""
        return self.action.definition

    @property
    def hash(self) -> str:
        """What names the image: the first 32 hex digits of the definition digest."""
        return shorten(self.definition)

    @property
    def name(self) -> str:
        """`env_<hash>`: what the store calls the image."""
        return name_image(self.definition)


def name_image(definition: str) -> str:
    """What the store calls the image of a definition digest ("sha256:<hex>"): `env_<hash>`."""
    return f"env_{shorten(definition)}"


def shorten(definition: str) -> str:
    """The digits of a definition digest that an image is known by."""
    return definition.removeprefix("sha256:")[:_NAME_DIGITS]
