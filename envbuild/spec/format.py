"""The one form of build and workspace files: what is written stays, and how it is laid out is settled.

Indentation, spaces between what stands on one line, blank lines and line ends are ours; the order
of everything, quotes, brackets, where lines are broken and every comment are the author's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError
from envbuild.core.pattern import compile_later
from envbuild.spec.atoms import Atom, Role, read_atoms
from envbuild.spec.positions import Shape, Value, parse_yaml
from envbuild.spec.scalars import BREAK, indent_block, indent_scalar, keeps_blanks

_OTHER_BREAKS = compile_later("\r\n|[\r\x85]")


def format_spec(data: bytes, file: str) -> bytes:
    """The same document in the one form; formatting that again changes nothing.

    Raises SpecError, or an ErrorGroup, placed in `file`, where it cannot be parsed, or is no list or mapping.
    """
    document = parse_yaml(data, file)
    if document.shape not in (Shape.LIST, Shape.MAPPING, Shape.NULL):
        hint = "write a list of calls, or a mapping"
        raise SpecError(f"this is only {document.shape.value}", hint=hint, location=document.location)
    text = _OTHER_BREAKS.sub("\n", data.decode("utf-8-sig"))
    formatted = "".join(_lay_out(text)).encode()
    if _meaning(parse_yaml(formatted, file)) != _meaning(document):
        hint = "write texts of several lines in quotes, or report this as a bug"
        raise SpecError("formatting would change what it means", hint=hint, location=Location(file))
    return formatted


def _meaning(value: Value) -> Any:
    """A value without its places."""
    entries = [(key, _meaning(entry.value)) for key, entry in value.entries.items()]
    return value.shape, value.text, [_meaning(item) for item in value.items], entries


@dataclass(frozen=True, slots=True)
class _Line:
    """A comment on a line of its own, or an empty line."""

    indent: int
    text: str


def _lay_out(text: str) -> Iterator[str]:
    before: Atom | None = None
    at = 0
    keeps = False
    for atom in read_atoms(text):
        yield from _lay_out_gap(text[at : atom.start], before, atom, keeps=keeps)
        piece, at = _lay_out_atom(text, atom)
        yield piece
        before, keeps = atom, atom.role is Role.BLOCK_SCALAR and keeps_blanks(piece)


def _lay_out_atom(text: str, atom: Atom) -> tuple[str, int]:
    """The atom as it should be, and where what follows it begins."""
    piece = text[atom.start : atom.end]
    if atom.role is Role.BLOCK_SCALAR:
        level = atom.levels[-1] if atom.levels else None
        before, after = (level.column, level.indent) if level else (0, 0)
        moved, used = indent_block(piece, before, after)
        return moved, atom.start + used
    if atom.role is Role.SCALAR:
        return indent_scalar(piece, atom.wrapped), atom.end
    return piece.rstrip(), atom.start + len(piece.rstrip())


def _lay_out_gap(gap: str, before: Atom | None, after: Atom, *, keeps: bool) -> Iterator[str]:
    """What stands between two atoms: a space or nothing, or comments and line ends."""
    first, *others = BREAK.split(gap)
    if not others and before and after.role is not Role.END:
        yield _space(before, after)
        return
    if before is None:
        others = [first, *others]
    elif comment := first.strip():
        yield f"{' ' * (len(first) - len(first.lstrip()))}{comment}"
    # The last piece is only what the next atom's line begins with, but at the end of the file.
    whole = others if after.role is Role.END else others[:-1]
    lines = _settle_blanks([_settle(line, before, after) for line in whole], before, after, keeps=keeps)
    if before:
        yield "\n"
    for line in lines:
        yield f"{' ' * line.indent}{line.text}\n"
    if after.role is not Role.END:
        yield " " * after.indent


def _settle(line: str, before: Atom | None, after: Atom) -> _Line:
    comment = line.strip()
    column = len(line) - len(line.lstrip())
    return _Line(_comment_indent(column, before, after), comment) if comment else _Line(0, "")


def _comment_indent(column: int, before: Atom | None, after: Atom) -> int:
    """Where a comment belongs: to what follows, unless it stands deeper, with something before it."""
    if before and before.flow is not None:
        return before.flow
    if before is None or column <= after.column:
        return after.indent
    deeper = [level.indent for level in before.levels if level.column <= column]
    return max([after.indent, *deeper])


def _settle_blanks(lines: list[_Line], before: Atom | None, after: Atom, *, keeps: bool) -> list[_Line]:
    """At most one empty line in a row, none at either end of a file, and one between two calls."""
    settled: list[_Line] = []
    for line in lines:
        if line.text or (settled and settled[-1].text) or (not settled and before and not keeps):
            settled.append(line)
    if after.role is Role.END:
        while settled and not settled[-1].text:
            settled.pop()
    if _is_next_call(before, after) and not keeps:
        _separate(settled)
    return settled


def _separate(lines: list[_Line]) -> None:
    """Put an empty line before the comments on what follows, unless there is one."""
    about = len(lines)
    while about and lines[about - 1].text and lines[about - 1].indent == 0:
        about -= 1
    if not about or lines[about - 1].text:
        lines.insert(about, _Line(0, ""))


def _is_next_call(before: Atom | None, after: Atom) -> bool:
    return (
        before is not None
        and before.role is not Role.MARKER
        and after.role is Role.ENTRY
        and len(after.levels) == 1
    )


def _space(before: Atom, after: Atom) -> str:
    """What stands between two atoms of one line."""
    if before.role is Role.VALUE:
        return " "
    tight = after.role in (Role.COMMA, Role.CLOSE) or before.role is Role.OPEN
    follows_key = after.role is Role.VALUE and before.role in (Role.SCALAR, Role.CLOSE)
    return "" if tight or follows_key else " "
