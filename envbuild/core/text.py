"""Text from elsewhere, made fit to be shown."""

from __future__ import annotations

from envbuild.core.pattern import compile_later

_LONGEST = 80
_LONGEST_REASON = 200
# A path may stand for a URL, with one slash.
_SECRET = compile_later(r"(:/+)[^/\s]*(?=@)|(:/+\S*?/t/)[^/\s'\"\])}]+")


def escape(text: str) -> str:
    r"""`text` with all but printable characters escaped (`\x1b`), line ends too."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def excerpt(text: str | bytes) -> str:
    """What an error may quote of a text that anybody may have written: one line, printable, not endless.

    Of URLs without logins, and without tokens as conda writes them. Names in archives may be bytes.
    """
    text = text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")
    shown = _SECRET.sub(r"\1\2***", text) if ":/" in text else text
    return escape(shown) if len(shown) <= _LONGEST else f"{escape(shown[:_LONGEST])}..."


def summarize(error: BaseException) -> str:
    """What a library's error says, as part of a sentence: one line, printable, not endless, no full stop."""
    return escape(" ".join(str(error).split()))[:_LONGEST_REASON].rstrip(".")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
