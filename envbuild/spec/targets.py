"""Targets: rule calls that passed their schema, loaded on demand, file by file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError
from envbuild.core.label import Label
from envbuild.spec.attribute import Kind
from envbuild.spec.build_file import RuleCall, build_file_name, load_build_file
from envbuild.spec.contents import read_contents
from envbuild.spec.packages import find_packages
from envbuild.spec.place import Place
from envbuild.spec.positions import Value
from envbuild.spec.problems import Problems, suggest, suggest_near
from envbuild.spec.recorder import Recorder
from envbuild.spec.schema import Schema, Scope, check_attributes

_MAX_HEIGHT = 64  # images have at most 127 layers, and each target adds some


@dataclass(frozen=True, slots=True)
class Declaration:
    """A target as its build file states it: checked, but no file of the workspace is read.

    `dependencies` are the targets that label attributes name, each with where it is named.
    """

    label: Label
    kind: str
    attributes: Mapping[str, Any]
    dependencies: Mapping[Label, Location]
    location: Location


@dataclass(frozen=True, slots=True)
class Target:
    """A target with its attributes as its rule gets them: files are read and hashed."""

    label: Label
    kind: str
    attributes: Mapping[str, Any]
    dependencies: tuple[Label, ...]
    location: Location


class Targets:
    """The targets of a workspace. Every build file and every target is read at most once."""

    def __init__(self, root: Path, schemas: Mapping[str, Schema], recorder: Recorder) -> None:
        """`schemas` are the attributes of each rule, by its name."""
        self._root = root
        self._schemas = schemas
        self._recorder = recorder
        self._packages: dict[str, dict[str, Declaration]] = {}
        self._places: dict[str, Place] = {}
        self._targets: dict[Label, Target] = {}
        self._heights: dict[Label, int] = {}

    def packages(self, below: str = "") -> tuple[str, ...]:
        """The packages at and below a folder, sorted."""
        return find_packages(self._root, below, self._recorder)

    def declared_in(self, package: str, named_at: Location | None = None) -> Mapping[str, Declaration]:
        """The targets of a package by name; raises SpecError, or an ErrorGroup of all in the file."""
        if package not in self._packages:
            self._require_package(package, named_at)
            self._packages[package] = self._load(package)
        return self._packages[package]

    def declared(self, label: Label, named_at: Location | None = None) -> Declaration:
        """One target, unread; raises SpecError, at the place that names it, where there is none."""
        declared = self.declared_in(label.package, named_at)
        if label.name not in declared:
            near = suggest_near(label.name, declared, f"//{label.package}:")
            raise SpecError(
                f"`{build_file_name(label.package)}` has no target `{label.name}`",
                hint=near or suggest(label.name, declared),
                location=named_at,
            )
        return declared[label.name]

    def target(self, label: Label) -> Target:
        """One target with its files read; raises SpecError also where targets depend on each other."""
        if label not in self._targets:
            self._check_cycles(label)
            self._targets[label] = self._read(self.declared(label))
        return self._targets[label]

    def _require_package(self, package: str, named_at: Location | None) -> None:
        file = build_file_name(package)
        found = self._place("").find(file)
        if found is None or not found.is_file:
            raise SpecError(
                f"there is no `{file}`",
                hint=suggest_near(package, self.packages(), "//")
                or "run `envbuild query //...` to see all targets",
                location=named_at,
            )

    def _load(self, package: str) -> dict[str, Declaration]:
        problems = Problems()
        file = load_build_file(self._root, package, self._recorder, problems)
        declared = [self._declare(call, package, problems) for call in file.calls]
        problems.raise_if_any()
        return {each.label.name: each for each in declared}

    def _declare(self, call: RuleCall, package: str, problems: Problems) -> Declaration:
        if call.kind not in self._schemas:
            message = f"there is no rule `{call.kind}`"
            problems.add(message, call.location, suggest(call.kind, self._schemas))
        schema = self._schemas.get(call.kind, {})
        scope = Scope(f"`{call.kind}`", package, call.location)
        # Of an unknown rule, no attribute can be judged.
        stated = call.attributes if schema else {}
        checked = check_attributes(stated, schema, scope, problems)
        dependencies = dict(_dependencies(call, checked, schema))
        return Declaration(Label(package, call.name), call.kind, checked, dependencies, call.location)

    def _read(self, declared: Declaration) -> Target:
        problems = Problems()
        place, schema = self._place(declared.label.package), self._schemas[declared.kind]
        attributes = read_contents(declared.attributes, schema, place, problems)
        problems.raise_if_any()
        dependencies = tuple(sorted(declared.dependencies))
        return Target(declared.label, declared.kind, attributes, dependencies, declared.location)

    def _place(self, package: str) -> Place:
        if package not in self._places:
            self._places[package] = Place(self._root, package, self._recorder)
        return self._places[package]

    def _check_cycles(self, start: Label) -> None:
        chain: dict[Label, Iterator[tuple[Label, Location]]] = {start: self._edges(start, None)}
        while chain:
            label = next(reversed(chain))
            edge = next(chain[label], None)
            if edge is None:
                self._measure(label)
                del chain[label]
            elif edge[0] in chain:
                _refuse_cycle([*chain, edge[0]], edge[1])
            elif edge[0] not in self._heights:
                chain[edge[0]] = self._edges(*edge)

    def _measure(self, label: Label) -> None:
        """Note how high a target stands on others, all of which are measured."""
        declared = self.declared(label)
        height = 1 + max((self._heights[each] for each in declared.dependencies), default=0)
        if height > _MAX_HEIGHT:
            message = f"`{label}` stands on other targets over {_MAX_HEIGHT} deep"
            raise SpecError(
                message, hint="put what they have in common into fewer", location=declared.location
            )
        self._heights[label] = height

    def _edges(self, label: Label, named_at: Location | None) -> Iterator[tuple[Label, Location]]:
        return iter(sorted(self.declared(label, named_at).dependencies.items()))


def _dependencies(
    call: RuleCall, checked: Mapping[str, Any], schema: Schema
) -> Iterator[tuple[Label, Location]]:
    for name, attribute in schema.items():
        if name in call.attributes:
            value = call.attributes[name].value
            for label, place in _labels(attribute.kind, checked[name], value):
                if isinstance(label, Label):
                    yield label, place


def _labels(kind: Kind, checked: Any, value: Value) -> Iterator[tuple[object, Location]]:
    """What an attribute names, each with its place."""
    if kind is Kind.LABEL:
        yield checked, value.location
    elif kind is Kind.LABELS:
        yield from zip(checked, (item.location for item in value.items), strict=False)
    elif kind is Kind.LABEL_MAP:
        for key, label in checked.items():
            yield label, value.entries[key].value.location


def _refuse_cycle(chain: list[Label], location: Location) -> None:
    cycle = chain[chain.index(chain[-1]) :]
    listed = " -> ".join(str(label) for label in cycle)
    raise SpecError(f"a cycle of targets: {listed}", hint="remove one of these", location=location)
