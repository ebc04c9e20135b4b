"""The modes of folders that every base has: a layer that named them otherwise would change them.

Filesystem Hierarchy Standard 3.0, and what Debian's base-files makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SPECIAL_MODES: Final[Mapping[str, int]] = {
    "etc/ssl/private": 0o700,
    "root": 0o700,
    "run/lock": 0o1777,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}


def folder_mode(path: str) -> int:
    """The mode of a folder that a layer names only because something lies below it."""
    return SPECIAL_MODES.get(path, 0o755)
