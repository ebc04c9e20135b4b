"""Text from elsewhere, made fit to be shown."""

from __future__ import annotations

_LONGEST = 80


def escape(text: str) -> str:
    r"""`text` with all but printable characters escaped (`\x1b`), line ends too."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def excerpt(text: str) -> str:
    """What an error may quote of a text that anybody may have written: one line, printable, not endless."""
    return escape(text) if len(text) <= _LONGEST else f"{escape(text[:_LONGEST])}..."


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
