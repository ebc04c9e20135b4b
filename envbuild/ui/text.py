"""Text that is safe on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from envbuild.core.text import escape


def printable(text: str) -> str:
    r"""`text` with all but line ends and printable characters escaped (`\x1b`).

    Names come from archives, indexes and registries: none of them may move the cursor, rename
    the window or turn the reading direction.
    """
    return "\n".join(map(escape, text.split("\n")))


def one_line(text: str) -> str:
    """The first line of `text`, printable."""
    return printable(text.partition("\n")[0])


def allow_color(choice: str, stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether to colour what goes to `stream`: `always`, `never`, or `auto`.

    `auto` is a terminal that is not dumb, unless NO_COLOR is set and not empty (no-color.org).
    """
    if choice != "auto":
        return choice == "always"
    dumb = environment.get("TERM") == "dumb"
    return stream.isatty() and not dumb and not environment.get("NO_COLOR")


def format_size(size: int) -> str:
    """Bytes in decimal units: `512 B`, `16.2 MB`."""
    if size < 1000:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"
