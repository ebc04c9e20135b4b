"""YAML text -> values that know where they stand. The only module that knows YAML.

Read from the parser's events, so that nothing is constructed or resolved by tags: tags, anchors
and aliases are refused, duplicate keys are errors, depth and size are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NoReturn

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import Location, SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.spec.problems import Problems

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
# Behind a value or a key and its colon, up to where YAML 1.1 ends a line.
_COMMENT = compile_later("(?:[ \\t]*:)?[ \\t]+(#[^\\r\\n\\x85\\u2028\\u2029]*)")


class Shape(str, Enum):
    """What a value is, in the words of error texts."""

    NULL = "nothing"
    BOOLEAN = "a boolean"
    INTEGER = "an integer"
    NUMBER = "a number"
    TEXT = "text"
    LIST = "a list"
    MAPPING = "a mapping"


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its place: `text` of a scalar as written, `items` of a list, `entries` of a mapping.

    `is_block` says of a text that it stands below a `|`, line by line; `comment` is what stands
    behind a scalar, or a collection in brackets, on its line, from the `#` on.
    """

    shape: Shape
    location: Location
    text: str = ""
    is_block: bool = False
    items: tuple[Value, ...] = ()
    entries: Mapping[str, Entry] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping's value, where its key stands, and the comment behind that where the value is below."""

    key: Location
    value: Value
    comment: str = ""


def parse_yaml(data: bytes, file: str, most: int = MAX_BYTES) -> Value:
    """The one document of `data`, errors placed in `file`; an empty file is Shape.NULL.

    Raises SpecError, or an ErrorGroup of all there are, and for more than `most` bytes.
    """
    if len(data) > most:
        raise SpecError(f"the file is larger than {most} bytes", location=Location(file))
    problems = Problems()
    value = _Reader(_decode(data, file), file, problems).read_document()
    problems.raise_if_any()
    return value


def scan_yaml(text: str) -> Iterator[Any]:
    """PyYAML's tokens of a text that `parse_yaml` takes."""
    import yaml

    yield from yaml.scan(text, Loader=_loader(yaml))


def _loader(yaml: Any) -> Any:
    """The fast one where PyYAML was built with it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _decode(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        place = Location(file, line, column)
        raise SpecError("the file is not UTF-8", hint="save it as UTF-8", location=place) from None
    if text.startswith("\ufeff"):
        raise SpecError("a second byte order mark", hint="remove it", location=Location(file, 1, 1))
    return text


def _events(text: str, file: str) -> Iterator[Any]:
    import yaml

    try:
        yield from yaml.parse(text, Loader=_loader(yaml))
    except yaml.MarkedYAMLError as error:
        _fail_syntax(error, text, file)
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="replace")
        place = Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise SpecError("a control character", hint="remove it", location=place) from None


def _fail_syntax(error: Any, text: str, file: str) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    place = _place(mark, file)
    context = f" {error.context}" if error.context else ""
    hint = ""
    if "cannot start any token" in (error.problem or ""):
        hint = "indent with spaces, and quote text that begins with a special character"
    elif "node content" in (error.problem or "") and _at(text, mark).startswith(":"):
        hint = 'quote text that begins with a colon: `":name"`'
    raise SpecError(f"not YAML:{context} {error.problem}", hint=hint, location=place) from None


def _at(text: str, mark: Any) -> str:
    """The rest of the line at a mark; "" where YAML counts other characters as line ends, too."""
    return "".join(text.split("\n")[mark.line : mark.line + 1])[mark.column :]


def _place(mark: Any, file: str) -> Location:
    return Location(file, mark.line + 1, mark.column + 1)


class _Reader:
    """Turns events into values."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        from yaml import nodes, resolver

        self._text = text
        self._events = _events(text, file)
        self._file = file
        self._problems = problems
        self._scalar_node = nodes.ScalarNode
        self._resolver: Any = resolver.Resolver()

    def read_document(self) -> Value:
        document: Value | None = None
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent" and document is not None:
                raise SpecError("a second document", hint="remove the `---`", location=self._at(event))
            if kind in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent", "AliasEvent"):
                document = self._read(event, 1)
        return document or Value(Shape.NULL, Location(self._file, 1, 1))

    def _read(self, event: Any, depth: int) -> Value:
        place, kind = self._at(event), type(event).__name__
        if depth > MAX_DEPTH:
            raise SpecError(f"nested deeper than {MAX_DEPTH} levels", location=place)
        if kind == "AliasEvent" or event.anchor:
            self._problems.add("anchors and aliases are not supported", place, "write the value out")
        if kind == "AliasEvent":
            return Value(Shape.NULL, place)
        if event.tag:
            self._problems.add("tags are not supported", place, "remove it")
        if kind == "ScalarEvent":
            shape, is_block = self._shape(event), event.style == "|"
            return Value(shape, place, event.value, is_block, comment=self._comment(event))
        if kind == "SequenceStartEvent":
            items, end = self._read_items(depth)
            return Value(
                Shape.LIST, place, items=items, comment=self._comment(end) if event.flow_style else ""
            )
        entries, end = self._read_entries(depth)
        comment = self._comment(end) if event.flow_style else ""
        return Value(Shape.MAPPING, place, entries=entries, comment=comment)

    def _comment(self, event: Any) -> str:
        """What stands behind an event on its line: of a block, that is no line of its own."""
        found = _COMMENT.match(self._text, event.end_mark.index)
        return found[1] if found else ""

    def _read_items(self, depth: int) -> tuple[tuple[Value, ...], Any]:
        """The items of a list, and the event that ends it."""
        items = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            items.append(self._read(event, depth + 1))
        return tuple(items), event

    def _read_entries(self, depth: int) -> tuple[dict[str, Entry], Any]:
        """The entries of a mapping, and the event that ends it."""
        entries: dict[str, Entry] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key = self._read(event, depth + 1)
            value = self._read(next(self._events), depth + 1)
            if key.shape in (Shape.LIST, Shape.MAPPING):
                self._problems.add(f"a key is text, not {key.shape.value}", key.location)
            elif key.shape is not Shape.TEXT:
                hint = f'quote it: `"{key.text}"`' if key.text else ""
                self._problems.add(f"a key is text, not {key.shape.value}", key.location, hint)
            elif key.text in entries:
                first = entries[key.text].key
                self._problems.add(
                    f"duplicate key `{excerpt(key.text)}`", key.location, f"the first one is at {first}"
                )
            else:
                entries[key.text] = Entry(key.location, value, key.comment)
        return entries, event

    def _shape(self, event: Any) -> Shape:
        """What YAML 1.1 makes of a scalar; only decimal integers count as such."""
        tag = self._resolver.resolve(self._scalar_node, event.value, event.implicit).rpartition(":")[2]
        if event.tag or tag not in ("null", "bool", "int", "float"):
            return Shape.TEXT
        if tag == "int":
            digits = event.value.lstrip("+-")
            decimal = digits.isdecimal() and (digits == "0" or not digits.startswith("0"))
            return Shape.INTEGER if decimal else Shape.NUMBER
        return {"null": Shape.NULL, "bool": Shape.BOOLEAN, "float": Shape.NUMBER}[tag]

    def _at(self, event: Any) -> Location:
        return _place(event.start_mark, self._file)
