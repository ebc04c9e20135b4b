"""A workspace's targets as the graph that queries are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from envbuild.core.errors import Location
from envbuild.core.label import Label, Pattern
from envbuild.spec.patterns import expand_pattern
from envbuild.spec.schema import Copy
from envbuild.spec.targets import Targets


class LoadedGraph:
    """Targets, each build file loaded when a query comes to it; no other file is read."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        # Where a label was first named, so that the error about a missing target can say it.
        self._named_at: dict[Label, Location] = {}

    def expand(self, pattern: Pattern) -> Iterable[Label]:
        """The labels that a pattern names; raises SpecError where there are none."""
        return expand_pattern(pattern, self._targets)

    def kind(self, label: Label) -> str:
        """The name of a target's rule."""
        return self._targets.declared(label, self._named_at.get(label)).kind

    def attribute(self, label: Label, name: str) -> Iterable[str]:
        """The texts of an attribute: of a list each item, of a mapping each `key=value`."""
        declared = self._targets.declared(label, self._named_at.get(label))
        return (label.name,) if name == "name" else tuple(_texts(declared.attributes.get(name)))

    def dependencies(self, label: Label) -> Iterable[Label]:
        """The targets that a target depends on; raises SpecError where there is no such target."""
        dependencies = self._targets.declared(label, self._named_at.get(label)).dependencies
        for below, location in dependencies.items():
            self._named_at.setdefault(below, location)
        return tuple(dependencies)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, Copy):
        yield f"{value.source}={value.destination}"
    elif isinstance(value, Mapping):
        yield from (f"{key}={text}" for key, text in value.items())
    elif isinstance(value, tuple):
        yield from (text for item in value for text in _texts(item))
    elif value is not None and not isinstance(value, Location):
        yield str(value)
