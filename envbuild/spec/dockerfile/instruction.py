"""The instructions of a Dockerfile as values, as written: nothing is expanded yet."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document: its name, its text, and whether variables in the text are replaced."""

    name: str
    text: str
    expand: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    `flags` are those before its words, by name, each with its values as written; a flag without `=`
    has the value "true". `is_json` says that `words` came from a JSON array; a command in a shell's
    form is one word. `text` is what follows the name, with lines joined. Comments, blank lines and the
    name's case are gone.
    """

    name: str
    words: tuple[str, ...]
    flags: Mapping[str, tuple[str, ...]]
    text: str
    location: Location
    is_json: bool = False
    heredocs: tuple[Heredoc, ...] = ()

    def flag(self, name: str, default: str = "") -> str:
        """The value of a flag that is there at most once."""
        return self.flags[name][0] if name in self.flags else default

    def is_set(self, name: str) -> bool:
        """Whether a flag without value, or with `true`, is there."""
        return self.flag(name, "false").lower() in ("true", "1")


@dataclass(frozen=True, slots=True)
class Stage:
    """What begins with a FROM: the image it names as written, and the instructions below it."""

    number: int
    name: str  # in lower case; "" for none
    image: str
    platform: str
    instructions: tuple[Instruction, ...]
    location: Location


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A Dockerfile: the ARGs above the first FROM, and the stages. `escape` is its escape character."""

    arguments: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    escape: str = "\\"
