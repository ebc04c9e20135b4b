"""What a command published, asked for again while nothing else has changed: the registry is never assumed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from envbuild.cli.quick import say
from envbuild.core.dataclass import asdict, dataclass
from envbuild.core.errors import EnvbuildError
from envbuild.graph.memo import FAULTS
from envbuild.oci.reference import RegistryName
from envbuild.sources.http import HttpClient
from envbuild.sources.patience import Patience
from envbuild.sources.registry_access import RegistryAccess

if TYPE_CHECKING:
    from envbuild.graph.memo import Published
    from envbuild.lock.model import Json


UNREADABLE: Final = (*FAULTS, EnvbuildError)
"""What reading raises that somebody else has written."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The registry that a command publishes to, and how it is reached."""

    place: RegistryName
    access: RegistryAccess

    def describe(self) -> dict[str, Json]:
        """As JSON, without any login; with the folder that `~` meant in the places of logins."""
        return {"place": str(self.place), "access": asdict(self.access), "home": _home()}

    @classmethod
    def read(cls, stated: Mapping[str, Any]) -> Destination:
        """From what `describe` gave; raises one of UNREADABLE, also where `~` is another now."""
        if stated["home"] != _home():
            raise ValueError(stated["home"])
        access = stated["access"]
        reached = RegistryAccess(dict(access["aliases"]), dict(access["logins"]), tuple(access["plain_http"]))
        return cls(RegistryName.parse(stated["place"]), reached)


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag of a repository and the digest that it must have."""

    repository: str
    tag: str
    digest: str


def describe_published(destination: Destination, tags: Sequence[tuple[str, str, str]]) -> Published:
    """What the registry must have: each repository, tag and digest."""
    return {"destination": destination.describe(), "tags": [list(tag) for tag in tags]}


def answer(text: str, published: Mapping[str, Any], arguments: Sequence[str]) -> int | None:
    """Say the remembered text if the registry has all that was published; returns the exit code.

    None where it has not, which is the whole command's matter; not to be able to ask is an error.
    """
    try:
        destination = Destination.read(published["destination"])
        tags = [_Tag(*tag) for tag in published["tags"]]
    except UNREADABLE:
        return None
    try:
        http = HttpClient(patience=Patience.stated(os.environ))
        client = destination.access.connect(http, destination.place.host)
        for tag in tags:
            found = client.find_manifest(tag.repository, tag.tag)
            if found is None or str(found[0].digest) != tag.digest:
                return None
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 (as of any command)
        from envbuild.cli.failure import report

        return report(error, arguments)
    return say(text)


def _home() -> str:
    return os.path.expanduser("~")  # noqa: PTH111 (never fails)
