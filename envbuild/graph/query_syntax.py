"""The query language's expressions, as a tree."""

from __future__ import annotations

import re
from enum import Enum

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location
from envbuild.core.label import Pattern


class Operator(str, Enum):
    """How two sets are put together."""

    UNION = "+"
    EXCEPT = "-"
    INTERSECT = "^"


@dataclass(frozen=True, slots=True)
class Named:
    """The targets that patterns name, each pattern with its place in the query."""

    patterns: tuple[tuple[Pattern, Location], ...]


@dataclass(frozen=True, slots=True)
class Combined:
    """Two sets and an operator."""

    operator: Operator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Targets and what they depend on, up to `depth` steps away (None: any number)."""

    of: Expression
    depth: int | None


@dataclass(frozen=True, slots=True)
class Dependents:
    """Targets and what depends on them, up to `depth` steps away, within the closure of `universe`."""

    universe: Expression
    of: Expression
    depth: int | None


@dataclass(frozen=True, slots=True)
class OfKind:
    """The targets in whose rule's name `regex` is found."""

    regex: re.Pattern[str]
    among: Expression


@dataclass(frozen=True, slots=True)
class WithAttribute:
    """The targets with an attribute in one of whose texts `regex` is found."""

    name: str
    regex: re.Pattern[str]
    among: Expression


@dataclass(frozen=True, slots=True)
class Paths:
    """The targets on dependency paths from one set to another: on every path, or on one shortest."""

    start: Expression
    end: Expression
    every: bool


Expression = Named | Combined | Dependencies | Dependents | OfKind | WithAttribute | Paths
