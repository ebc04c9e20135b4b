"""Which packages requirements reach, along dependency edges, and who asks for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from envbuild.core.dataclass import dataclass, field
from envbuild.lock.markers import Environment, holds
from envbuild.spec.requirement_line import Pinned, parse_pinned

Edges = Callable[[str, frozenset[str]], Sequence[str]]
_NONE: frozenset[str] = frozenset()


class Want(NamedTuple):
    """A requirement on a package; `by` is the package that states it, "" for the spec."""

    by: str
    pinned: Pinned


_want = partial(tuple.__new__, Want)  # in half the time: there are tens of thousands


@dataclass(frozen=True, slots=True)
class Reached:
    """The packages that are needed by normalised name: who wants them, and with which extras."""

    wants: Mapping[str, Sequence[Want]] = field(default_factory=dict)
    extras: Mapping[str, frozenset[str]] = field(default_factory=dict)


def reach(roots: Iterable[str], edges: Edges, environment: Environment) -> Reached:
    """Walk from the requirements `roots`, whose markers are judged for the target.

    `edges` tells a package's dependencies with the extras asked so far, reduced as in a lock.
    """
    wants: dict[str, list[Want]] = {}
    extras: dict[str, frozenset[str]] = {}
    stated: set[tuple[str, str]] = set()
    pending = [("", text) for text in sorted(roots)]
    while pending:
        edge = by, text = pending.pop()
        pinned = parse_pinned(text)
        # What is not asked may be, once another requirement asks `by` with one more extra.
        if edge in stated or (pinned.has_marker and not _asked(pinned, extras.get(by, _NONE), environment)):
            continue
        stated.add(edge)
        name = pinned.name
        wants.setdefault(name, []).append(_want((by, pinned)))
        if name in extras and pinned.extras <= extras[name]:
            continue
        extras[name] = extras.get(name, _NONE) | pinned.extras
        pending += [(name, each) for each in edges(name, extras[name])]
    return Reached(wants, extras)


def _asked(pinned: Pinned, extras: frozenset[str], environment: Environment) -> bool:
    """Whether the marker holds for a package with these extras."""
    if pinned.gate:
        return pinned.gate in extras
    marker = pinned.requirement.marker
    return holds(marker, environment) or any(holds(marker, environment, extra) for extra in extras)
