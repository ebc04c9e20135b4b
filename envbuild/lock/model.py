"""The lock as values, and the questions that resolvers answer.

A lock names sources by alias: it holds no host that the spec did not itself name, no credential,
no path outside the target's folder and no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from envbuild.core.platform import Facts, Platform

SCHEMA = 1

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, order=True)
class Locked:
    """One artifact of a lock.

    `file` says where below the source it lies: a file name for a package index, the `Filename`
    path for a Debian mirror, a path relative to the BUILD.yaml's folder for a local wheel, the
    URL itself for a direct URL requirement. `source` is an alias of the workspace, "" for a local
    file or a direct URL. `size` is in bytes. `requires` are the dependency edges that hold on the
    target, with their markers reduced to extras (`pysocks>=1.5.6; extra == 'socks'`); `extras`
    are the extras that the resolution asked of this package.
    """

    kind: str  # "wheel" or "deb"
    name: str
    version: str
    source: str
    file: str
    sha256: str
    size: int
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what a maintainer script would have done and we do not


@dataclass(frozen=True, slots=True)
class PlatformLock:
    """What is locked for one platform.

    `facts` are, in a base's lock, what it offers (libc, python, interpreter path); in a child's,
    what it relied on. `pins` are the parent's packages that the child's resolution relied on.
    """

    artifacts: tuple[Locked, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)


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
class LocalWheel:
    """A wheel file of the workspace, by content; `file` is relative to the BUILD.yaml's folder."""

    file: str
    sha256: str
    size: int
    path: str = field(compare=False, default="")  # where it lies now; never written anywhere


@dataclass(frozen=True, slots=True)
class PythonQuestion:
    """Which wheels does this target need?

    `requirements` and `constraints` are normalised PEP 508 texts; `pins` are a parent's packages,
    exact and not to be locked again; `preferences` are the versions of the lock so far, kept
    unless the requirements forbid them or `upgrade` (None = all, else names) lets them go.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    wheels: tuple[LocalWheel, ...]
    facts: Facts
    indexes: tuple[Index, ...]
    pins: Mapping[str, str] = field(default_factory=dict)
    preferences: Mapping[str, Locked] = field(default_factory=dict)
    upgrade: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class DebianQuestion:
    """Which .debs does this target need?

    `packages` are names, each with an optional `=version`; `source` is the mirror's alias;
    `preferences` as for Python.
    """

    source: str
    suite: str
    components: tuple[str, ...]
    packages: tuple[str, ...]
    essential: bool
    platform: Platform
    preferences: Mapping[str, Locked] = field(default_factory=dict)
    upgrade: frozenset[str] | None = frozenset()


Question = PythonQuestion | DebianQuestion


class Resolver(Protocol):
    """Answers a Python question; deterministic for one state of the indexes.

    Raises ResolveError with the solver's causes, or SourceError.
    """

    name: str

    def resolve(self, question: PythonQuestion) -> PlatformLock:
        """The wheels, sorted by normalised name."""
