"""Merged /usr: `/bin` and its like are links into /usr, so nothing may lie at their old places.

The names are those that debootstrap links (Debian's technical committee, #978636).
"""

from __future__ import annotations

from typing import Final

_EVERYWHERE: Final = ("bin", "lib", "sbin")
_FOREIGN: Final = {"amd64": ("lib32", "lib64", "libx32")}
_ALIASED: Final = frozenset((*_EVERYWHERE, "lib32", "lib64", "libo32", "libx32"))


def alias_links(architecture: str) -> tuple[str, ...]:
    """The names in the root that are links to the same name below `usr`, sorted."""
    return tuple(sorted((*_EVERYWHERE, *_FOREIGN.get(architecture, ()))))


def is_alias(path: str) -> bool:
    """Whether a path is one of those links itself."""
    return path in _ALIASED


def merge_usr(path: str) -> str:
    """Where a path without leading slash lies once /usr is merged."""
    return f"usr/{path}" if path.partition("/")[0] in _ALIASED else path
