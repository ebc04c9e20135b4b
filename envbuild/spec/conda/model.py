"""What a target asks of conda, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.errors import Location, SpecError
from envbuild.core.platform import Platform
from envbuild.spec.requirements import Requirements


@dataclass(frozen=True, slots=True, order=True)
class ExactPackage:
    """A conda package by its URL, as explicit files and conda-lock.yml name it.

    `platform` is conda's name of the one that it is for ("linux-64"), "" where it is for all;
    `sha256` and `md5` are hex digits, "" where none is stated.
    """

    url: str
    sha256: str = ""
    md5: str = ""
    platform: str = ""

    @property
    def channel(self) -> str:
        """The URL of the channel that it lies in."""
        return self.url.rsplit("/", 2)[0]

    @property
    def file(self) -> str:
        """Where in its channel it lies: `linux-64/zlib-1.2.11-h7b6447c_3.conda`."""
        return "/".join(self.url.rsplit("/", 2)[1:])

    @property
    def name(self) -> str:
        """The package's name, from the file's (`name-version-build`)."""
        return self.url.rpartition("/")[2].rsplit("-", 2)[0]


@dataclass(frozen=True, slots=True, order=True)
class Selected:
    """A MatchSpec for one platform, by conda's name ("linux-64")."""

    platform: str
    spec: str


@dataclass(frozen=True, slots=True)
class PipIndex:
    """A package index that a `pip` section names by its URL; the workspace must have one of it."""

    url: str
    location: Location = field(compare=False)


@dataclass(frozen=True, slots=True)
class CondaSpec:
    """What a target asks of conda; order and comments are gone but for channels, which have an order.

    `channels` are aliases of the workspace or URLs, the first one first; none: the workspace's.
    `specs` are MatchSpec texts for all platforms, sorted, `selected` those that a selector restricts
    (`# [linux64]`). `exact` are packages that stand by URL and are taken as they are, with nothing
    solved for them. `platforms` are conda's names of the only ones that it is for; none: any.
    `name` is the environment's own; `files` were read, for whoever wants to know when to read them again.
    """

    channels: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    selected: tuple[Selected, ...] = ()
    exact: tuple[ExactPackage, ...] = ()
    pip: Requirements = field(default_factory=Requirements)
    indexes: tuple[PipIndex, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    name: str = field(default="", compare=False)
    files: tuple[Path, ...] = field(default=(), compare=False)

    def on(self, platform: Platform) -> CondaSpec:
        """The same for one platform; raises SpecError where it is for others only."""
        if self.platforms and platform.conda not in self.platforms:
            listed = ", ".join(f"`{each}`" for each in self.platforms)
            other = f"let the environment be for `{platform.conda}`, too"
            raise SpecError(
                f"its conda environment is for {listed}, not for `{platform.conda}`",
                hint=f"remove `{platform}` from the target's `platforms`, or {other}",
            )
        selected = (each.spec for each in self.selected if each.platform == platform.conda)
        return replace(
            self,
            specs=tuple(sorted({*self.specs, *selected})),
            selected=(),
            exact=tuple(each for each in self.exact if each.platform in ("", platform.conda)),
            platforms=(),
        )
