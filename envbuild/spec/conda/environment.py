"""environment.yml (conda's "Creating an environment file manually"), and MLflow's two files.

MLflow's conda.yaml is an environment.yml; its python_env.yaml has a Python and lists for pip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from envbuild.core.errors import EnvbuildError, Location
from envbuild.core.text import excerpt
from envbuild.spec.conda.parts import EVERYWHERE, Parts
from envbuild.spec.conda.selector import has_selector, select_platforms
from envbuild.spec.positions import Entry, Shape, Value
from envbuild.spec.problems import Problems, suggest

_KEYS = ("name", "channels", "dependencies", "platforms", "variables", "prefix")
_PYTHON_KEYS = ("python", "build_dependencies", "dependencies")


def is_python_environment(document: Value) -> bool:
    """Whether it is MLflow's python_env.yaml."""
    return "python" in document.entries or "build_dependencies" in document.entries


class EnvironmentReader:
    """Reads documents into `parts`, paths relative to `folder`; what is wrong goes to `problems`."""

    def __init__(self, parts: Parts, folder: Path, problems: Problems) -> None:
        self._parts = parts
        self._folder = folder
        self._problems = problems
        self._judged: set[Location] = set()

    def read(self, document: Value) -> None:
        """An environment.yml."""
        stated = self._sections(document, _KEYS)
        for channel in self._texts(stated.get("channels"), "channels"):
            self._read_channel(channel)
        for item in self._items(stated.get("dependencies"), "dependencies"):
            self._read_dependency(item)
        for platform in self._texts(stated.get("platforms"), "platforms"):
            self._parts.add_platforms([platform.text])
        if "variables" in stated:
            self._read_variables(stated["variables"].value)
        if "name" in stated and stated["name"].value.shape is Shape.TEXT:
            self._parts.names.append(stated["name"].value.text)
        self._refuse_other_selectors(document)

    def read_python(self, document: Value) -> None:
        """A python_env.yaml: build dependencies are installed, too."""
        stated = self._sections(document, _PYTHON_KEYS)
        if "python" in stated and self._is_text(stated["python"].value, "python"):
            self._try(stated["python"].value, lambda each: self._parts.add_dependency(f"python=={each.text}"))
        for key in ("build_dependencies", "dependencies"):
            for line in self._texts(stated.get(key), key):
                self._read_pip(line)
        self._refuse_other_selectors(document)

    def _refuse_other_selectors(self, document: Value) -> None:
        """Note each selector that stands where none is read: it would be ignored."""
        for place, comment in _comments(document):
            if has_selector(comment) and place not in self._judged:
                hint = "put it behind one item of a list, on that item's line"
                self._problems.add("a selector that belongs to no item", place, hint)

    def _sections(self, document: Value, known: tuple[str, ...]) -> dict[str, Entry]:
        if document.shape is not Shape.MAPPING:
            hint = "write `channels: [...]` and `dependencies: [...]`"
            message = f"a conda environment is a mapping, not {document.shape.value}"
            self._problems.add(message, document.location, hint)
        for key, entry in document.entries.items():
            if key not in known:
                message = f"a conda environment has no `{excerpt(key)}`"
                self._problems.add(message, entry.key, suggest(key, known))
        return dict(document.entries)

    def _read_channel(self, channel: Value) -> None:
        if self._is_everywhere(channel, "the channel"):
            self._try(channel, lambda each: self._parts.add_channel(each.text))

    def _read_dependency(self, item: Value) -> None:
        if item.shape is not Shape.MAPPING:
            if self._is_text(item, "dependencies"):
                self._try(item, lambda each: self._parts.add_dependency(each.text, self._platforms(each)))
            return
        for key, entry in item.entries.items():
            if key != "pip":
                message = f"`dependencies` has a section `{excerpt(key)}`"
                self._problems.add(message, entry.key, "only `pip` is known: write `- pip: [...]`")
                continue
            for line in self._texts(entry, "pip"):
                self._read_pip(line)

    def _read_pip(self, line: Value) -> None:
        self._try(
            line,
            lambda each: self._parts.add_pip(each.text, each.location, self._folder, self._platforms(each)),
        )

    def _read_variables(self, value: Value) -> None:
        if value.shape not in (Shape.MAPPING, Shape.NULL):
            self._problems.add(
                f"`variables` must be a mapping, not {value.shape.value}",
                value.location,
                "write `NAME: value`",
            )
        for name, entry in value.entries.items():
            self._read_variable(name, entry.value)

    def _read_variable(self, name: str, value: Value) -> None:
        # conda makes text of numbers; of a decimal one there is only one way to write it.
        if value.shape is not Shape.INTEGER and not self._is_text(value, f"variables.{name}"):
            return
        if not name or not (name + value.text).isprintable() or "=" in name:
            self._problems.add(f"`{excerpt(name)}` is no variable of one line", value.location)
            return
        if self._is_everywhere(value, "the variable"):
            self._try(value, lambda each: self._parts.add_variable(name, each.text))

    def _platforms(self, value: Value) -> frozenset[str]:
        self._judged.add(value.location)
        return select_platforms(value.comment)

    def _is_everywhere(self, value: Value, what: str) -> bool:
        """Whether it is for all platforms; False is for none of ours, anything between is an error."""
        try:
            platforms = self._platforms(value)
        except EnvbuildError as error:
            self._problems.catch(error, value.location)
            return False
        if platforms and platforms != EVERYWHERE:
            hint = "state it in a target of that platform alone"
            self._problems.add(f"{what} is for some platforms only", value.location, hint)
        return platforms == EVERYWHERE

    def _try(self, value: Value, add: Callable[[Value], None]) -> None:
        try:
            add(value)
        except EnvbuildError as error:
            self._problems.catch(error, value.location)

    def _texts(self, entry: Entry | None, name: str) -> Iterator[Value]:
        return (item for item in self._items(entry, name) if self._is_text(item, name))

    def _items(self, entry: Entry | None, name: str) -> tuple[Value, ...]:
        if entry is None or entry.value.shape is Shape.NULL:
            return ()
        if entry.value.shape is not Shape.LIST:
            message = f"`{name}` must be a list, not {entry.value.shape.value}"
            self._problems.add(message, entry.value.location, f"write `{name}: [...]`")
        return entry.value.items

    def _is_text(self, value: Value, name: str) -> bool:
        if value.shape is Shape.TEXT and value.text.strip():
            return True
        shape = "empty" if value.shape is Shape.TEXT else value.shape.value
        hint = f'quote it: `"{excerpt(value.text)}"`' if value.text else ""
        self._problems.add(f"`{excerpt(name)}` must hold text, not {shape}", value.location, hint)
        return False


def _comments(value: Value) -> Iterator[tuple[Location, str]]:
    """The comments behind a value, its keys and all that is in it, with the places of these."""
    yield value.location, value.comment
    for item in value.items:
        yield from _comments(item)
    for entry in value.entries.values():
        yield entry.key, entry.comment
        yield from _comments(entry.value)
