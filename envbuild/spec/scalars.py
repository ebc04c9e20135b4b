"""Texts of several lines in YAML, with other indentation and the same value (YAML 1.1, chapter 9)."""

from __future__ import annotations

from envbuild.core.pattern import compile_later

# What YAML takes for a line's end, beside "\n": all the others are made "\n" before.
BREAK = compile_later("[\n\u2028\u2029]")
_LINES = compile_later("([\n\u2028\u2029])")
_HEADER = compile_later(r"(?P<style>[|>])(?P<options>[-+1-9]*)(?P<rest>[^\n\u2028\u2029]*)")


def indent_scalar(text: str, indent: int) -> str:
    """A plain or quoted text whose further lines begin at a column; spaces there are no part of it."""
    first, *others = _LINES.split(text)
    lines = [line.lstrip(" \t") if n % 2 else line for n, line in enumerate(others)]
    return first + "".join(" " * indent + line if n % 2 and line else line for n, line in enumerate(lines))


def indent_block(text: str, before: int, after: int) -> tuple[str, int]:
    """A text below `|` or `>` whose collection moves from one column to another, without its last line end.

    Also tells how many characters of `text` that is: empty lines behind it belong to nobody, unless
    a `+` keeps them.
    """
    header = _HEADER.match(text)
    assert header is not None
    stated = header["options"].strip("+-")
    pieces = _LINES.split(text[header.end() :])
    breaks, lines = pieces[1::2], pieces[2::2]
    old = before + int(stated) if stated else _find_indent(lines)
    kept = [line[old:] for line in lines]
    if "+" not in header["options"]:
        while kept and not kept[-1]:
            kept.pop()
    elif kept and not kept[-1]:
        kept.pop()
    used = header.end() + sum(len(line) + 1 for line in lines[: len(kept)])
    # A parser takes no line end for one that is not there; where it must be added, it is cut off again.
    unfinished = len(kept) == len(breaks) and used == len(text) and bool(kept)
    options = f"{stated}-" if unfinished else header["options"]
    new = after + (int(stated) if stated else 2)
    body = "".join(f"{end}{' ' * new if line else ''}{line}" for end, line in zip(breaks, kept, strict=False))
    return f"{header['style']}{options}{header['rest'].rstrip()}{body}", used


def keeps_blanks(text: str) -> bool:
    """Whether the empty lines behind a text below `|` or `>` are part of it."""
    header = _HEADER.match(text)
    return header is not None and "+" in header["options"]


def _find_indent(lines: list[str]) -> int:
    """The indentation of the first line that has text; of none, the widest."""
    widths = [len(line) - len(line.lstrip(" ")) for line in lines]
    filled = (width for width, line in zip(widths, lines, strict=True) if line.strip(" "))
    return next(filled, max(widths, default=0))
