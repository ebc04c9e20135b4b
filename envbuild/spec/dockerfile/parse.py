"""From a Dockerfile's text to its stages: what is not supported is refused here, by name and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from envbuild.core.errors import Location, SpecError
from envbuild.core.pattern import compile_later
from envbuild.spec.dockerfile.instruction import Dockerfile, Heredoc, Instruction, Stage
from envbuild.spec.problems import Problems, suggest

if TYPE_CHECKING:
    import dockerfile

# The flags of each instruction, and those that may be there more than once.
_FLAGS: Final[Mapping[str, frozenset[str]]] = {
    "ADD": frozenset({"chown", "chmod", "link", "checksum", "exclude"}),
    "ARG": frozenset(),
    "CMD": frozenset(),
    "COPY": frozenset({"from", "chown", "chmod", "link", "exclude", "parents"}),
    "ENTRYPOINT": frozenset(),
    "ENV": frozenset(),
    "EXPOSE": frozenset(),
    "FROM": frozenset({"platform"}),
    "HEALTHCHECK": frozenset({"interval", "timeout", "start-period", "start-interval", "retries"}),
    "LABEL": frozenset(),
    "MAINTAINER": frozenset(),
    "ONBUILD": frozenset(),
    "RUN": frozenset({"mount", "network", "security"}),
    "SHELL": frozenset(),
    "STOPSIGNAL": frozenset(),
    "USER": frozenset(),
    "VOLUME": frozenset(),
    "WORKDIR": frozenset(),
}
_MAY_BE_EMPTY: Final = frozenset({"CMD", "ENTRYPOINT"})  # as lists: what the base states is gone
_REPEATED: Final = frozenset({"mount", "exclude"})
_SWITCHES: Final = frozenset({"link", "parents"})  # flags that may stand without a value
_NAMED: Final = frozenset({"ARG", "ENV", "LABEL"})
_ESCAPE: Final = compile_later(r"#\s*escape\s*=\s*(\S)\s*\Z", re.IGNORECASE)
_DIRECTIVE: Final = compile_later(r"#\s*[A-Za-z]+\s*=")
_STAGE: Final = compile_later(r"[a-z][a-z0-9_.-]*\Z")
_HEREDOC: Final = compile_later(r"<<(-?)(['\"]?)([A-Za-z0-9_.]+)\2\Z")
_MAX_BYTES: Final = 1 << 20
_MAX_LINES: Final = 2000  # that are tried to find the one that cannot be read

Locate = Callable[[int], Location]
"""Where a line is, counted from 1; 0 is the whole."""


def parse_dockerfile(data: bytes, file: str, locate: Locate | None = None) -> Dockerfile:
    """Read a Dockerfile, which `file` names in errors; one in another file has its lines where `locate` says.

    Raises SpecError, or an ErrorGroup of all there are.
    """
    locate = locate or partial(Location, file)
    text = _decode(data, locate(0))
    problems = Problems()
    instructions = list(_read_instructions(text, locate, problems))
    problems.raise_if_any()
    return _split_stages(instructions, _escape_of(text), locate(0))


def parse_trigger(text: str, location: Location) -> Instruction:
    """The instruction that an ONBUILD holds; raises SpecError."""
    problems = Problems()
    found = list(_read_instructions(text, lambda _: location, problems))
    problems.raise_if_any()
    if len(found) != 1 or found[0].name in ("ONBUILD", "FROM", "MAINTAINER"):
        raise SpecError(
            f"`ONBUILD {text[:60]}` is no trigger", location=location, hint="name one instruction"
        )
    return found[0]


def _decode(data: bytes, location: Location) -> str:
    if len(data) > _MAX_BYTES:
        raise SpecError(f"a Dockerfile of over {_MAX_BYTES} bytes", location=location)
    try:
        text: str = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError("a Dockerfile must be UTF-8 text", location=location) from None
    if "\0" in text:
        raise SpecError("a Dockerfile holds a NUL character", location=location)
    return text


def _read_instructions(text: str, locate: Locate, problems: Problems) -> Iterator[Instruction]:
    import dockerfile

    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError as error:
        raise _unreadable(text, str(error), locate) from None
    for command in commands:
        place = locate(command.start_line)
        try:
            yield _read_instruction(command, place)
        except SpecError as error:
            problems.catch(error, place)


def _unreadable(text: str, message: str, locate: Locate) -> SpecError:
    """BuildKit's own words, with the line."""
    return SpecError(f"this is no Dockerfile: {message}", location=locate(_find_line(text, message)))


def _find_line(text: str, message: str) -> int:
    """The line behind the longest beginning without the fault, as the parser tells none; 0 for all."""
    import dockerfile

    lines = text.splitlines(keepends=True)
    for number in range(len(lines), max(len(lines) - _MAX_LINES, 0), -1):
        try:
            dockerfile.parse_string("".join(lines[: number - 1]))
        except dockerfile.GoParseError as error:
            if str(error) == message:
                continue
        return number
    return 0


def _read_instruction(command: dockerfile.Command, location: Location) -> Instruction:
    name = command.cmd.upper()
    if name not in _FLAGS:
        raise SpecError(f"`{name[:40]}` is no instruction of a Dockerfile", hint=suggest(name, _FLAGS))
    words = tuple(command.value)
    if not any(words) and not (command.json and name in _MAY_BE_EMPTY):
        raise SpecError(f"`{name}` is empty", hint="write what it is for, or remove the line")
    names = words if name == "ARG" else words[::2]
    if name in _NAMED and not all(each.partition("=")[0] for each in names):
        raise SpecError(f"`{name}` without a name", hint=f"write `{name} name=value`")
    return Instruction(
        name=name,
        words=words,
        flags=_read_flags(name, command.flags),
        text=command.original.strip()[len(name) :].strip(),
        location=location,
        is_json=command.json,
        heredocs=_read_heredocs(command),
    )


def _read_flags(name: str, flags: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for flag in flags:
        key, equals, value = flag.removeprefix("--").partition("=")
        if key not in _FLAGS[name]:
            raise SpecError(f"`{name}` with `--{key}` is not supported", hint=suggest(key, _FLAGS[name]))
        if not equals and key not in _SWITCHES:
            raise SpecError(f"`--{key}` of `{name}` has no value", hint=f"write `--{key}=value`")
        if key in _SWITCHES and equals and value.lower() not in ("true", "false", "1", "0"):
            raise SpecError(f"`--{key}={value[:40]}` is neither `true` nor `false`")
        if key in found and key not in _REPEATED:
            raise SpecError(f"`{name}` has `--{key}` twice", hint="remove one")
        found[key] = (*found.get(key, ()), value if equals else "true")
    return found


def _read_heredocs(command: dockerfile.Command) -> tuple[Heredoc, ...]:
    """The here-documents; the parser gives their texts, and the words say how to take them (`<<-"X"`)."""
    marks: dict[str, tuple[bool, bool]] = {}
    for word in re.findall(r"<<-?['\"]?[A-Za-z0-9_.]+['\"]?", command.original.split("\n", 1)[0]):
        if match := _HEREDOC.match(word):
            marks[match[3]] = (bool(match[1]), not match[2])
    found = []
    for heredoc in command.heredocs:
        chomp, expand = marks.get(heredoc.name, (False, True))
        lines = heredoc.content.splitlines(keepends=True)
        text = "".join(line.lstrip("\t") for line in lines) if chomp else heredoc.content
        found.append(Heredoc(heredoc.name, text, expand))
    return tuple(found)


def _escape_of(text: str) -> str:
    """The escape character that a directive names: directives stand above all else."""
    for line in text.splitlines():
        if match := _ESCAPE.match(line.strip()):
            return match[1]
        if not _DIRECTIVE.match(line.strip()):
            break
    return "\\"


def _split_stages(instructions: list[Instruction], escape: str, location: Location) -> Dockerfile:
    first = next((n for n, each in enumerate(instructions) if each.name == "FROM"), None)
    if first is None:
        raise SpecError("a Dockerfile without FROM", location=location, hint="begin with `FROM image`")
    for each in instructions[:first]:
        if each.name != "ARG":
            raise SpecError(f"`{each.name}` stands before the first FROM", location=each.location)
    begins = [n for n, each in enumerate(instructions) if each.name == "FROM"]
    ends = [*begins[1:], len(instructions)]
    stages = tuple(
        _read_stage(number, instructions[begin], tuple(instructions[begin + 1 : end]))
        for number, (begin, end) in enumerate(zip(begins, ends, strict=True))
    )
    return Dockerfile(tuple(instructions[:first]), stages, escape)


def _read_stage(number: int, begin: Instruction, below: tuple[Instruction, ...]) -> Stage:
    words = begin.words
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise SpecError("FROM takes an image, or `image AS name`", location=begin.location)
    name = words[2].lower() if len(words) == 3 else ""
    if name and not _STAGE.match(name):
        raise SpecError(f"`{name}` is no name of a stage", location=begin.location)
    return Stage(number, name, words[0], begin.flag("platform"), below, begin.location)
