"""Checks what a build file states against a rule's attributes. Pure: no file is looked at.

A checked value is what the rule gets, but for the attributes that name files: of those it is
what `envbuild.spec.contents` reads, texts with their places.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, Location
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.core.text import excerpt
from envbuild.spec.attribute import Attribute, Kind, UserInterpreter
from envbuild.spec.positions import Entry, Shape, Value
from envbuild.spec.problems import Problems, suggest

_MAX_DIGITS = 18
_T = TypeVar("_T")

Schema = Mapping[str, Attribute]
Placed = tuple[str, Location]


@dataclass(frozen=True, slots=True)
class Copy:
    """An entry of a `files` mapping: what to copy, as written, and its normalised absolute place."""

    source: str
    destination: str
    is_folder: bool  # the destination was written with a "/" at its end
    location: Location


@dataclass(frozen=True, slots=True)
class Written:
    """A file's path, or its text in place; `is_block` says that its lines follow the one of `location`."""

    text: str
    location: Location
    is_block: bool

    @property
    def in_place(self) -> bool:
        """Whether it is the text itself: that has more than one line."""
        return "\n" in self.text

    def locate(self, line: int) -> Location:
        """Where a line of the text is."""
        place = self.location
        return Location(place.file, place.line + line) if self.is_block and line else place


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose attributes are checked: shown in errors, placed at `location` where nothing is stated."""

    shown: str
    package: str
    location: Location


def check_attributes(
    stated: Mapping[str, Entry], schema: Schema, scope: Scope, problems: Problems
) -> dict[str, Any]:
    """The checked values of all attributes, in the schema's order; what is wrong goes to `problems`."""
    refuse_unknown(stated, schema, scope.shown, problems)
    checked = {}
    for name, attribute in schema.items():
        if name in stated:
            checked[name] = _Checker(name, attribute, scope, problems).check(stated[name].value)
        elif attribute.required:
            hint = f"add `{name}: ...`" + (f", {attribute.doc}" if attribute.doc else "")
            problems.add(f"{scope.shown} lacks the attribute `{name}`", scope.location, hint)
        else:
            checked[name] = _default(attribute, scope.location)
    return checked


def refuse_unknown(stated: Mapping[str, Entry], known: Iterable[str], shown: str, problems: Problems) -> None:
    """Note each stated name that is none of `known`, and which one may have been meant."""
    names = frozenset(known)
    for name, entry in stated.items():
        if name not in names:
            problems.add(f"{shown} has no attribute `{excerpt(name)}`", entry.key, suggest(name, names))


def _default(attribute: Attribute, location: Location) -> Any:
    if attribute.kind in (Kind.REQUIREMENTS, Kind.WHEELS):
        return tuple((text, location) for text in attribute.default)
    if attribute.kind is Kind.CONTEXT and attribute.default is not None:
        return attribute.default, location
    if attribute.kind is Kind.FILES:
        copies = attribute.default
        return tuple(
            Copy(source, destination, is_folder=False, location=location) for source, destination in copies
        )
    return attribute.default


def _present(values: Iterable[_T | None]) -> tuple[_T, ...]:
    return tuple(value for value in values if value is not None)


class _Checker:
    """Checks one attribute's value."""

    def __init__(self, name: str, attribute: Attribute, scope: Scope, problems: Problems) -> None:
        self._name = name
        self._attribute = attribute
        self._scope = scope
        self._problems = problems

    def check(self, value: Value) -> Any:
        """The checked value; None where something is wrong."""
        return _CHECKS[self._attribute.kind](self, value)

    def text(self, value: Value) -> str | None:
        text = self._any_text(value)
        choices = self._attribute.choices
        if text is not None and choices and text not in choices:
            message = f"`{excerpt(text)}` is no choice for `{self._name}`"
            self._problems.add(message, value.location, suggest(text, choices))
        return text

    def boolean(self, value: Value) -> bool | None:
        if value.shape is not Shape.BOOLEAN or value.text.lower() not in ("true", "false"):
            self._refuse(value, "write `true` or `false`")
            return None
        return value.text.lower() == "true"

    def integer(self, value: Value) -> int | None:
        if value.shape is not Shape.INTEGER:
            self._refuse(value, "write decimal digits, without quotes")
            return None
        # Python itself refuses to read a number of thousands of digits.
        if len(value.text) > _MAX_DIGITS:
            hint = f"write at most {_MAX_DIGITS} digits"
            self._problems.add(f"`{self._name}` is too large", value.location, hint)
            return None
        return int(value.text)

    def text_list(self, value: Value) -> tuple[str, ...]:
        return _present(self.text(item) for item in self._items(value))

    def text_map(self, value: Value) -> dict[str, str]:
        entries = self._entries(value).items()
        return {key: self._any_text(entry.value, key) or "" for key, entry in entries}

    def interpreter(self, value: Value) -> UserInterpreter | None:
        """A path alone is a managed one."""
        if value.shape is Shape.TEXT:
            path = self._interpreter_path(value)
            return None if path is None else UserInterpreter(path)
        entries = self._entries(value)
        for key in sorted(entries.keys() - {"path", "managed"}):
            where = entries[key].key
            self._problems.add(f"`{self._name}` has no `{key}`", where, suggest(key, ("path", "managed")))
        if "path" not in entries:
            if value.shape is Shape.MAPPING:
                hint = "state one: `path: /usr/bin/python3`"
                self._problems.add(f"`{self._name}` has no `path`", value.location, hint)
            return None
        path = self._interpreter_path(entries["path"].value)
        managed = self._flag("managed", entries["managed"].value) if "managed" in entries else True
        return None if path is None or managed is None else UserInterpreter(path, managed)

    def _flag(self, key: str, value: Value) -> bool | None:
        if value.shape is not Shape.BOOLEAN:
            message = f"`{self._name}`: `{key}` must be `true` or `false`, not {value.shape.value}"
            self._problems.add(message, value.location, "write `true` or `false`, without quotes")
            return None
        return value.text.lower() == "true"

    def _interpreter_path(self, value: Value) -> str | None:
        text = self._any_text(value)
        if text is None or text.startswith("/"):
            return text
        hint = f"write it in full, such as `/usr/bin/{text}`"
        self._problems.add(f"`{excerpt(text)}` is no absolute path", value.location, hint)
        return None

    def label(self, value: Value) -> Label | str | None:
        text = self._any_text(value)
        if text is None or text in self._attribute.keywords:
            return text
        return self._parsed(value, text, partial(Label.parse, package=self._scope.package))

    def labels(self, value: Value) -> tuple[Label | str, ...]:
        return _present(self.label(item) for item in self._items(value))

    def label_map(self, value: Value) -> dict[str, Label | str]:
        found = {key: self.label(entry.value) for key, entry in self._entries(value).items()}
        return {key: label for key, label in found.items() if label is not None}

    def platforms(self, value: Value) -> tuple[Platform, ...]:
        found: dict[Platform, Value] = {}
        for item in self._items(value):
            text = self._any_text(item)
            platform = None if text is None else self._parsed(item, text, Platform.parse)
            if platform in found:
                self._problems.add(f"`{platform}` is listed twice", item.location, "remove one")
            elif platform:
                found[platform] = item
        if value.shape is Shape.LIST and not value.items:
            self._problems.add(f"`{self._name}` names no platform", value.location, "add one: `linux/amd64`")
        return tuple(sorted(found))

    def file(self, value: Value) -> Placed | None:
        text = self._any_text(value)
        return None if text is None else (text, value.location)

    def dockerfile(self, value: Value) -> Written | None:
        text = self._any_text(value)
        return None if text is None else Written(text, value.location, value.is_block)

    def files(self, value: Value) -> tuple[Copy, ...]:
        entries = self._entries(value).items()
        return _present(self._copy(source, entry) for source, entry in entries)

    def paths(self, value: Value) -> tuple[Placed, ...]:
        return _present(self.file(item) for item in self._items(value))

    def requirements(self, value: Value) -> tuple[Placed, ...]:
        if value.shape is Shape.TEXT:
            return _present([self.file(value)])
        return self.paths(value)

    def conda(self, value: Value) -> tuple[Placed, ...] | Value | None:
        """Files by their paths, or an environment in place, which is for whoever reads such files."""
        if value.shape is Shape.MAPPING:
            return value
        if value.shape is Shape.LIST:
            return self.paths(value)
        if value.shape is not Shape.TEXT:
            self._refuse(value, "write a path, such as `environment.yml`")
            return None
        return _present([self.file(value)])

    def _copy(self, source: str, entry: Entry) -> Copy | None:
        destination = self._any_text(entry.value, source)
        if destination is None:
            return None
        location = entry.value.location
        if not destination.startswith("/") or ".." in destination.split("/"):
            hint = f"write the absolute path in the image: `{source}: /app/...`"
            self._problems.add(f"`{destination}` is no place for `{source}`", location, hint)
            return None
        # normpath keeps two slashes at the front, as POSIX lets it mean something else.
        normal = "/" + posixpath.normpath(destination).lstrip("/")
        return Copy(source, normal, destination.endswith("/"), entry.key)

    def _items(self, value: Value) -> tuple[Value, ...]:
        if value.shape is not Shape.LIST:
            written = f": `{self._name}: [{value.text}]`" if value.shape is Shape.TEXT else ""
            self._refuse(value, f"write a list{written}")
        return value.items

    def _entries(self, value: Value) -> Mapping[str, Entry]:
        if value.shape is not Shape.MAPPING:
            self._refuse(value, f"write a mapping: `{self._name}: {{...: ...}}`")
        return value.entries

    def _any_text(self, value: Value, key: str = "") -> str | None:
        """A scalar that is text; `key` is the one it stands under, where that is not the attribute's."""
        if value.shape is not Shape.TEXT:
            self._refuse_other_than_text(value, key)
            return None
        if "\0" in value.text:
            self._problems.add(f"`{key or self._name}` holds a NUL character", value.location, "remove it")
            return None
        return value.text

    def _refuse_other_than_text(self, value: Value, key: str) -> None:
        name = f"{self._name}.{key}" if key else self._name
        in_list = self._attribute.kind in _LISTS
        subject = f"an item of `{name}`" if in_list else f"`{name}`"
        shape, before = value.shape, "" if in_list else f"{key or name}: "
        if shape is Shape.NULL:
            self._problems.add(f"{subject} has no value", value.location, f'write a value, or `{before}""`')
        elif shape in (Shape.LIST, Shape.MAPPING):
            message = f"{subject} must be text, not {shape.value}"
            self._problems.add(message, value.location, f"write `{before}text`")
        else:
            hint = f'quote it: `{before}"{value.text}"`'
            self._problems.add(f"{subject} must be text, not {shape.value}", value.location, hint)

    def _refuse(self, value: Value, hint: str) -> None:
        if value.shape is Shape.NULL:
            self._problems.add(f"`{self._name}` has no value", value.location, "write a value, or remove it")
            return
        kind = self._attribute.kind
        is_other_word = kind is Kind.BOOLEAN and value.shape is Shape.BOOLEAN  # `yes`, `on`
        found = f"`{value.text}`" if is_other_word else value.shape.value
        self._problems.add(f"`{self._name}` must be {kind.value}, not {found}", value.location, hint)

    def _parsed(self, value: Value, text: str, parse: Callable[[str], _T]) -> _T | None:
        try:
            return parse(text)
        except EnvbuildError as error:
            self._problems.catch(error, value.location)
            return None


_LISTS = frozenset({Kind.TEXT_LIST, Kind.LABELS, Kind.PLATFORMS, Kind.WHEELS, Kind.REQUIREMENTS, Kind.CONDA})
_CHECKS: Mapping[Kind, Callable[[_Checker, Value], Any]] = {
    Kind.TEXT: _Checker.text,
    Kind.BOOLEAN: _Checker.boolean,
    Kind.INTEGER: _Checker.integer,
    Kind.TEXT_LIST: _Checker.text_list,
    Kind.TEXT_MAP: _Checker.text_map,
    Kind.INTERPRETER: _Checker.interpreter,
    Kind.LABEL: _Checker.label,
    Kind.LABELS: _Checker.labels,
    Kind.LABEL_MAP: _Checker.label_map,
    Kind.CONDA: _Checker.conda,
    Kind.CONTEXT: _Checker.file,
    Kind.DOCKERFILE: _Checker.dockerfile,
    Kind.PLATFORMS: _Checker.platforms,
    Kind.FILE: _Checker.file,
    Kind.FILES: _Checker.files,
    Kind.WHEELS: _Checker.paths,
    Kind.REQUIREMENTS: _Checker.requirements,
}
