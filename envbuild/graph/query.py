"""`envbuild query`: sets of targets, by what they are and how they depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from envbuild.core.errors import Location, SpecError
from envbuild.core.label import Label, Pattern
from envbuild.graph.query_parser import parse_query
from envbuild.graph.query_syntax import (
    Combined,
    Dependencies,
    Dependents,
    Expression,
    Named,
    OfKind,
    Operator,
    Paths,
    WithAttribute,
)

Labels = frozenset[Label]
Edges = Mapping[Label, Iterable[Label]]


class TargetGraph(Protocol):
    """The targets that a query is about; a cycle among them does no harm here."""

    def expand(self, pattern: Pattern) -> Iterable[Label]:
        """The labels that a pattern names; raises SpecError where there are none."""

    def kind(self, label: Label) -> str:
        """The name of a target's rule."""

    def attribute(self, label: Label, name: str) -> Iterable[str]:
        """The texts that an attribute holds; none where the target has no such attribute."""

    def dependencies(self, label: Label) -> Iterable[Label]:
        """The targets that a target depends on."""


def run_query(text: str, graph: TargetGraph, package: str) -> tuple[Label, ...]:
    """The labels that an expression means, sorted; patterns are seen from the folder `package`.

    Raises UsageError for a wrong expression, SpecError for a wrong or missing target.
    """
    return tuple(sorted(evaluate(parse_query(text, package), graph)))


def evaluate(expression: Expression, graph: TargetGraph) -> Labels:
    """The labels that an expression means."""
    match expression:
        case Named(patterns):
            return frozenset(label for each, place in patterns for label in _expand(each, place, graph))
        case Combined():
            return _combine(expression, graph)
        case Dependencies(of, depth):
            return _reach(evaluate(of, graph), graph.dependencies, depth)
        case Dependents(universe, of, depth):
            return _dependents(evaluate(universe, graph), evaluate(of, graph), depth, graph)
        case OfKind(among=among) | WithAttribute(among=among):
            return frozenset(label for label in evaluate(among, graph) if _passes(label, expression, graph))
        case Paths(start, end, every):
            find = _every_path if every else _shortest_path
            return find(evaluate(start, graph), evaluate(end, graph), graph)


_OPERATORS: Mapping[Operator, Callable[[Labels, Labels], Labels]] = {
    Operator.UNION: frozenset.union,
    Operator.EXCEPT: frozenset.difference,
    Operator.INTERSECT: frozenset.intersection,
}


def _combine(expression: Combined, graph: TargetGraph) -> Labels:
    """The sets of a chain from left to right: a chain is long where a program wrote it, and no recursion."""
    parts: list[tuple[Operator, Expression]] = []
    first: Expression = expression
    while isinstance(first, Combined):
        parts.append((first.operator, first.right))
        first = first.left
    found = evaluate(first, graph)
    for operator, part in reversed(parts):
        found = _OPERATORS[operator](found, evaluate(part, graph))
    return found


def _expand(pattern: Pattern, place: Location, graph: TargetGraph) -> Iterable[Label]:
    try:
        return graph.expand(pattern)
    except SpecError as error:
        raise SpecError(error.message, hint=error.hint, location=error.location or place) from None


def _passes(label: Label, filtering: OfKind | WithAttribute, graph: TargetGraph) -> bool:
    if isinstance(filtering, OfKind):
        texts: Iterable[str] = (graph.kind(label),)
    else:
        texts = graph.attribute(label, filtering.name)
    return any(filtering.regex.search(text) for text in texts)


def _reach(start: Labels, edges: Callable[[Label], Iterable[Label]], depth: int | None) -> Labels:
    """`start` and what is up to `depth` steps away."""
    reached, edge, steps = set(start), set(start), 0
    while edge and (depth is None or steps < depth):
        edge = {below for label in edge for below in edges(label)} - reached
        reached |= edge
        steps += 1
    return frozenset(reached)


def _reversed(labels: Labels, graph: TargetGraph) -> Callable[[Label], Iterable[Label]]:
    """The dependents of each label, among `labels` only."""
    dependents: dict[Label, set[Label]] = {}
    for label in labels:
        for below in graph.dependencies(label):
            dependents.setdefault(below, set()).add(label)
    return lambda label: dependents.get(label, ())


def _dependents(universe: Labels, of: Labels, depth: int | None, graph: TargetGraph) -> Labels:
    closure = _reach(universe, graph.dependencies, None)
    return _reach(of & closure, _reversed(closure, graph), depth)


def _every_path(start: Labels, end: Labels, graph: TargetGraph) -> Labels:
    below = _reach(start, graph.dependencies, None)
    return _reach(end & below, _reversed(below, graph), None)


def _shortest_path(start: Labels, end: Labels, graph: TargetGraph) -> Labels:
    """The labels of one shortest path; of several, the one whose labels sort first."""
    came_from: dict[Label, Label | None] = dict.fromkeys(sorted(start))
    queue = list(came_from)
    for label in queue:
        if label in end:
            return frozenset(_trace(label, came_from))
        for below in sorted(graph.dependencies(label)):
            if below not in came_from:
                came_from[below] = label
                queue.append(below)
    return frozenset()


def _trace(label: Label | None, came_from: Mapping[Label, Label | None]) -> Iterable[Label]:
    while label is not None:
        yield label
        label = came_from[label]
