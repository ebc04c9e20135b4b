"""BUILD.yaml: a list of rule calls, each a mapping of a rule's name to its attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, Location, SpecError
from envbuild.core.label import Label
from envbuild.core.text import excerpt
from envbuild.spec.positions import Entry, Shape, Value, parse_yaml
from envbuild.spec.problems import Problems
from envbuild.spec.recorder import Recorder

BUILD_FILE = "BUILD.yaml"
_FORM = "write `- environment:`, and its attributes indented below"


@dataclass(frozen=True, slots=True)
class RuleCall:
    """A call as written: the rule's name, the target's ("" where it has a fault), the other attributes."""

    kind: str
    name: str
    attributes: Mapping[str, Entry]
    location: Location


@dataclass(frozen=True, slots=True)
class BuildFile:
    """The calls of one file, in the order written; `file` is relative to the workspace root."""

    package: str
    file: str
    calls: tuple[RuleCall, ...]


def build_file_name(package: str) -> str:
    """The path of a package's build file, relative to the workspace root."""
    return f"{package}/{BUILD_FILE}" if package else BUILD_FILE


def load_build_file(root: Path, package: str, recorder: Recorder, problems: Problems) -> BuildFile:
    """Read a package's build file; its faults go to `problems`.

    Raises SpecError (or an ErrorGroup) where the file cannot be read as a document at all.
    """
    file = build_file_name(package)
    document = parse_yaml(read_spec(root / file, file, recorder), file)
    return BuildFile(package, file, tuple(_read_calls(document, package, problems)))


def read_spec(path: Path, shown: str, recorder: Recorder) -> bytes:
    """A workspace or build file's bytes; raises SpecError."""
    recorder.record(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SpecError(f"cannot read it: {error.strerror}", location=Location(shown)) from error


def read_calls(document: Value, problems: Problems, form: str) -> Iterator[tuple[str, Entry]]:
    """The (name, attributes) of a list of calls; `form` is the hint that shows how to write one."""
    if document.shape is Shape.NULL:
        return
    if document.shape is not Shape.LIST:
        problems.add(f"must be a list of calls, not {document.shape.value}", document.location, form)
    for item in document.items:
        if len(item.entries) != 1:
            problems.add("a call is one name with its attributes", item.location, form)
            continue
        ((name, entry),) = item.entries.items()
        if entry.value.shape is Shape.MAPPING:
            yield name, entry
        else:
            shape = entry.value.shape.value
            problems.add(f"the attributes of `{name}` must be a mapping, not {shape}", entry.key, form)


def _read_calls(document: Value, package: str, problems: Problems) -> Iterator[RuleCall]:
    places: dict[str, Location] = {}
    for kind, entry in read_calls(document, problems, _FORM):
        attributes = dict(entry.value.entries)
        stated = attributes.pop("name", None)
        name = _read_name(stated.value, package, problems) if stated else ""
        if stated is None:
            problems.add(f"this `{kind}` has no name", entry.key, "add `name: ...`")
        elif name in places:
            hint = f"the first one is at {places[name]}"
            problems.add(f"a second target `{name}`", stated.value.location, hint)
        elif name:
            places[name] = stated.value.location
        yield RuleCall(kind, name, attributes, entry.key)


def _read_name(value: Value, package: str, problems: Problems) -> str:
    hint = "a name has letters, digits and `_.+-`, and begins with a letter, a digit or `_`"
    if value.shape is not Shape.TEXT:
        problems.add(f"a target's name must be text, not {value.shape.value}", value.location, hint)
        return ""
    try:
        Label.checked(package, value.text, value.text)
    except EnvbuildError:
        problems.add(f"`{excerpt(value.text)}` is not a target's name", value.location, hint)
        return ""
    if value.text == "all":
        problems.add("`all` names all targets of a folder", value.location, "choose another name")
    return value.text
