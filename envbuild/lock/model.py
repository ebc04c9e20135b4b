"""The lock as values, and the questions that resolvers answer.

A lock names sources by alias: it holds no host that the spec did not itself name, no credential,
no path outside the target's folder and no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from envbuild.core.dataclass import dataclass, field
from envbuild.core.platform import Facts, Platform

if TYPE_CHECKING:
    from envbuild.lock.base_image import BaseImage
    from envbuild.spec.conda.model import ExactPackage
    from envbuild.spec.wheels import LocalWheel

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, order=True)
class CondaRecord:
    """What a channel says of a package, beside what a lock has of every artifact.

    `noarch` is "python", "generic" or "". `timestamp` is in milliseconds, 0 = not told.
    `site_packages` is where this Python looks for packages, below the prefix (CEP 17); "" = the usual place.
    `provides` are the Python distributions in it, as `name==version`, by the names that pip knows.
    `variables` are what activating it sets, as `NAME=value` with `${CONDA_PREFIX}` for the prefix, and
    `scripts` those of its files that must be sourced, since they do more than that.
    `post_link`: it has a script that installers run once its files are in place.
    """

    build: str
    build_number: int = 0
    noarch: str = ""
    constrains: tuple[str, ...] = ()
    license: str = ""
    md5: str = ""
    timestamp: int = 0
    track_features: tuple[str, ...] = ()
    site_packages: str = ""
    provides: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    post_link: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Locked:
    """One artifact of a lock.

    `file` says where below the source it lies: a file name for a package index, the `Filename`
    path for a Debian mirror, `subdir/name` for a channel, a path relative to the workspace's root for
    a local wheel, the URL itself for a direct URL requirement and of a channel that the spec names by
    its URL. `source` is an alias of the workspace, "" for a local file or a URL. `size` is in bytes.
    `requires` are the dependency edges that hold on the target, with their markers reduced to extras
    (`pysocks>=1.5.6; extra == 'socks'`), of a conda package all of its `depends`; `extras` are the
    extras that the resolution asked of this package. A conda package, and no other, has `conda`.
    """

    # "wheel", "sdist", "deb", "conda", "file" of the web, of an image's layer "tar", "tar+gzip", "tar+zstd"
    kind: str
    name: str
    version: str
    source: str
    file: str
    sha256: str
    size: int
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what a maintainer script would have done and we do not
    conda: CondaRecord | None = None

    @property
    def is_python(self) -> bool:
        """Whether it is a Python package."""
        return self.kind in ("wheel", "sdist")

    @property
    def is_url(self) -> bool:
        """Whether it is a direct URL requirement's."""
        return not self.source and "://" in self.file

    @property
    def is_local(self) -> bool:
        """Whether it is a file of the workspace."""
        return not self.source and "://" not in self.file


@dataclass(frozen=True, slots=True)
class Pin:
    """A package of the parent that a child relied on.

    `requires` are the edges of the extras that the child asks and the parent did not: the
    parent's lock does not have them.
    """

    version: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """How an sdist becomes a wheel: the `[build-system]` of its pyproject.toml (PEP 517, PEP 518).

    `path` are the folders of the sdist itself that the `backend` is in; `wheels` are what `requires`
    comes to, and what these need. None of them is in the image.
    """

    backend: str
    path: tuple[str, ...]
    requires: tuple[str, ...]
    wheels: tuple[Locked, ...]


@dataclass(frozen=True, slots=True)
class PlatformLock:
    """What is locked for one platform.

    `facts` are, in a base's lock, what it offers (libc, python, interpreter path); in an
    environment's, the least that it needs: `python` is "3.11", or a full version where a marker
    asked for one, and `libc` is there only where a wheel is bound to one. `images` are those of
    registries that the target stands on or takes files from, by their references as asked.
    `installed` are the base's Debian packages that the target's rely on or that it asked for:
    versions by name. `builds` tells of each sdist by name how it is built.
    """

    artifacts: tuple[Locked, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    images: Mapping[str, BaseImage] = field(default_factory=dict)
    installed: Mapping[str, str] = field(default_factory=dict)
    builds: Mapping[str, Build] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lock:
    """A target's lock: the rule, its normalised parsed inputs, and an answer per platform."""

    rule: str
    inputs: Mapping[str, Json]
    platforms: Mapping[Platform, PlatformLock]


@dataclass(frozen=True, slots=True)
class Index:
    """A package index of the workspace: alias, and the packages that only it may serve.

    The order of indexes is their priority: the first one that has a package serves it. An index
    with `packages` serves those and nothing else; a package so pinned is taken from nowhere else.
    """

    alias: str
    url: str  # with credentials removed; "" = the machine's configured or built-in default
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PythonQuestion:
    """Which wheels does this target need?

    `requirements` and `constraints` are in normal form (spec/requirement_line.py); `pins` are a
    parent's packages by normalised name, exact and not to be locked again; `preferences` are the
    artifacts of the lock so far by name, kept unless the requirements forbid them or `upgrade`
    (None = all, else names) lets them go. `sdists` are the packages that may be built from source
    where no wheel fits, and `builds` how those locked so far are built.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    wheels: tuple[LocalWheel, ...]
    facts: Facts
    indexes: tuple[Index, ...]
    pins: Mapping[str, Locked] = field(default_factory=dict)
    preferences: Mapping[str, Locked] = field(default_factory=dict)
    upgrade: frozenset[str] | None = frozenset()
    sdists: tuple[str, ...] = ()
    builds: Mapping[str, Build] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DebianQuestion:
    """Which .debs does this target need?

    `packages` are names, each with an optional `=version`; `source` is the mirror's alias; `suite` has
    the names of one or several suites with blanks between, of which the newest versions count;
    `installed` are the versions of the packages that the base has, by name: they stay as they are and
    are not locked again. `preferences` as for Python. `by_image` says that an image of a registry tells
    the suites; `left_out` are the files of its own apt that tell more than what is taken from there.
    """

    source: str
    suite: str
    components: tuple[str, ...]
    packages: tuple[str, ...]
    essential: bool
    platform: Platform
    installed: Mapping[str, str] = field(default_factory=dict)
    preferences: Mapping[str, Locked] = field(default_factory=dict)
    upgrade: frozenset[str] | None = frozenset()
    by_image: bool = False
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Download:
    """A file of the web, with the sha256 that the target states."""

    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ImageQuestion:
    """Which images do these references name, and what is in them? And how large are these downloads?

    `references` are in normal form (oci/reference.py, `ImageName`). `networked` says that steps of
    the target use the network: its lock has a `generation` among its facts, which only an upgrade
    moves. `known` is the lock so far, whose images stay unless `upgrade` (None = all, else
    references) lets them go.
    """

    references: tuple[str, ...]
    platform: Platform
    networked: bool = False
    known: PlatformLock | None = None
    upgrade: frozenset[str] | None = frozenset()
    downloads: tuple[Download, ...] = ()


@dataclass(frozen=True, slots=True)
class CondaQuestion:
    """Which conda packages does this target need?

    `specs` are MatchSpecs of this platform, `channels` aliases or URLs by priority. `priority` is
    "strict" (the first channel that has a package serves it), "flexible" (later ones serve it where
    there is no other solution) or "disabled". `virtual` are what the target offers to be asked for,
    as `__glibc=2.36=0`. `exact` are packages by URL, taken as they are. `preferences` as for Python.
    """

    specs: tuple[str, ...]
    channels: tuple[str, ...]
    priority: str
    virtual: tuple[str, ...]
    platform: Platform
    exact: tuple[ExactPackage, ...] = ()
    preferences: Mapping[str, Locked] = field(default_factory=dict)
    upgrade: frozenset[str] | None = frozenset()


# A conda question stands before the Python question: its answer is part of that.
Single = PythonQuestion | DebianQuestion | ImageQuestion | CondaQuestion


@dataclass(frozen=True, slots=True)
class Questions:
    """Several questions of one target, no two of a kind; its lock holds all the answers."""

    parts: tuple[Single, ...]


Question = Single | Questions


def split_question(question: Question) -> tuple[Single, ...]:
    """The questions of one kind each, in order."""
    return question.parts if isinstance(question, Questions) else (question,)


class Resolver(Protocol):
    """Answers a Python question; deterministic for one state of the indexes.

    Raises ResolveError with the solver's causes, or SourceError.
    """

    @property
    def name(self) -> str:
        """What users call it."""

    def resolve(self, question: PythonQuestion) -> PlatformLock:
        """The wheels, sorted by normalised name."""
