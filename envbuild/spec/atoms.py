"""YAML text as atoms: the pieces that formatting moves but never changes, each with where it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from envbuild.core.dataclass import dataclass
from envbuild.spec.positions import scan_yaml

STEP = 2


class Role(Enum):
    """What an atom is."""

    ENTRY = "-"
    KEY = "?"
    VALUE = ":"
    COMMA = ","
    OPEN = "[ or {"
    CLOSE = "] or }"
    SCALAR = "a text"
    BLOCK_SCALAR = "a text below `|` or `>`"
    MARKER = "--- or ..."
    END = "the end"


@dataclass(frozen=True, slots=True)
class Level:
    """A block collection: the column that it stands in, and the one that it should stand in."""

    column: int
    indent: int
    is_list: bool
    is_flush: bool = False  # a list in the column of the key that it belongs to


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text from `start` to `end`, at a column.

    `indent` is where it should stand if it begins a line, `wrapped` where its own further lines
    should. `levels` are the block collections around it, from the outside in; `flow` is where lines
    behind it should begin while brackets are open, None where none are.
    """

    role: Role
    start: int
    end: int
    column: int
    indent: int
    wrapped: int
    levels: tuple[Level, ...]
    flow: int | None


_ROLES = {
    "BlockEntryToken": Role.ENTRY,
    "KeyToken": Role.KEY,
    "ValueToken": Role.VALUE,
    "FlowEntryToken": Role.COMMA,
    "FlowSequenceStartToken": Role.OPEN,
    "FlowMappingStartToken": Role.OPEN,
    "FlowSequenceEndToken": Role.CLOSE,
    "FlowMappingEndToken": Role.CLOSE,
    "ScalarToken": Role.SCALAR,
    "DocumentStartToken": Role.MARKER,
    "DocumentEndToken": Role.MARKER,
    "DirectiveToken": Role.MARKER,
    "StreamEndToken": Role.END,
}


def read_atoms(text: str) -> Iterator[Atom]:
    """The atoms of a text that `parse_yaml` takes, in order; the last one is its end."""
    reader = _Reader()
    for token in scan_yaml(text):
        yield from reader.read(token)


class _Reader:
    """Follows block collections and brackets from token to token."""

    def __init__(self) -> None:
        self._levels: list[Level] = []
        self._depth = 0
        self._is_key = False

    def read(self, token: Any) -> Iterator[Atom]:
        """The atom of a token, if it is one that can be seen."""
        name = type(token).__name__
        if name in ("BlockSequenceStartToken", "BlockMappingStartToken"):
            self._push(token.start_mark.column, is_list=name == "BlockSequenceStartToken")
        elif name == "BlockEndToken":
            self._leave_flush_list()
            self._levels.pop()
        elif role := _ROLES.get(name):
            yield from self._read_visible(token, role)

    def _read_visible(self, token: Any, role: Role) -> Iterator[Atom]:
        if self._depth == 0:
            self._settle(token, role)
        if role is Role.KEY and token.start_mark.index == token.end_mark.index:
            self._is_key = True
            return
        if role is Role.SCALAR and token.style in ("|", ">"):
            role = Role.BLOCK_SCALAR
        if role is Role.CLOSE:
            self._depth -= 1
        indent = self._indent(role)
        if role is Role.OPEN:
            self._depth += 1
        self._is_key = False
        start, end = token.start_mark, token.end_mark
        flow = self._flow_indent() if self._depth else None
        yield Atom(
            role, start.index, end.index, start.column, indent, self._wrapped(), tuple(self._levels), flow
        )

    def _settle(self, token: Any, role: Role) -> None:
        """Enter or leave a list in the column of its key, for which there are no tokens."""
        if role is Role.ENTRY and not self._levels[-1].is_list:
            self._push(token.start_mark.column, is_list=True, is_flush=True)
        elif role in (Role.KEY, Role.VALUE):
            self._leave_flush_list()

    def _push(self, column: int, *, is_list: bool, is_flush: bool = False) -> None:
        indent = self._levels[-1].indent + STEP if self._levels else 0
        self._levels.append(Level(column, indent, is_list, is_flush))

    def _leave_flush_list(self) -> None:
        if self._levels and self._levels[-1].is_flush:
            self._levels.pop()

    def _indent(self, role: Role) -> int:
        if self._depth:
            return self._flow_indent()
        if not self._levels or role in (Role.MARKER, Role.END):
            return 0
        if role is Role.CLOSE:
            return self._flow_indent()
        begins = self._is_key or role in (Role.ENTRY, Role.KEY, Role.VALUE)
        return self._levels[-1].indent + (0 if begins else STEP)

    def _wrapped(self) -> int:
        if self._depth:
            return self._flow_indent()
        return self._levels[-1].indent + STEP if self._levels else STEP

    def _flow_indent(self) -> int:
        """Where lines begin between the brackets that are open; outside, where the last one closes."""
        if not self._levels:
            return STEP * self._depth
        level = self._levels[-1]
        return level.indent + STEP * (self._depth + level.is_list)
