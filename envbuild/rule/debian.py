"""The Debian packages of an image, as those that stand on it see them."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Platform
from envbuild.lock.base_image import BaseImage
from envbuild.lock.model import Locked
from envbuild.rule.declared import Fetched, Input

_ROW = compile_later(r"([a-z0-9][a-z0-9+.-]*) ([A-Za-z0-9.+:~-]{1,1000}) ([a-z0-9-]+)\Z")


@dataclass(frozen=True, slots=True)
class Debian:
    """The packages by name with their versions, and where further ones come from.

    `source`, `suite`, `components` and `left_out` are those of a `DebianQuestion`, "" and () where they
    are not known. `debs` are the packages that we made layers of. `kept` and `alternatives` tell what an
    image of others below them has (archive/debian_addition.py); `status` is its layer with dpkg's own
    records.
    """

    packages: Mapping[str, str]
    source: str = ""
    suite: str = ""
    components: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    debs: tuple[Locked, ...] = ()
    kept: tuple[str, ...] = ()
    alternatives: Mapping[str, int] = field(default_factory=dict)
    status: Input | None = None

    def add(self, debs: tuple[Locked, ...], records: Input | None = None) -> Debian:
        """The same with further packages, whose records are in the layer `records`."""
        packages = {**self.packages, **{deb.name: deb.version for deb in debs}}
        status = records if self.status is not None else None
        return replace(self, packages=packages, debs=(*self.debs, *debs), status=status)


def read_suites(text: str) -> str:
    """The names of suites, as apt's `Suites` has them, with one blank between."""
    return " ".join(text.split())


def read_debian(image: BaseImage, platform: Platform) -> Debian | None:
    """The packages of a registry's image; None where it has none."""
    rows = (match for row in image.packages if (match := _ROW.match(row)))
    packages = {row[1]: row[2] for row in rows if row[3] in ("all", platform.debian)}
    if not packages:
        return None
    kept = ("accounts", *(("certificates",) if "ca-certificates" in packages else ()))
    number = int(image.facts.get("dpkg", len(image.layers)))
    status = Fetched(image.layers[number]) if number < len(image.layers) else None
    return Debian(
        packages,
        suite=image.facts.get("suites", image.facts.get("suite", "")),
        components=tuple(image.facts.get("components", "").split()),
        left_out=tuple(image.facts.get("left_out", "").split()),
        kept=kept,
        alternatives=image.root.alternatives,
        status=status,
    )
