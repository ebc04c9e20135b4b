"""Extended attributes that layers carry (xattr(7))."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final

_CARRIED: Final = ("user.", "security.capability")
_MARKS: Final = "user.overlay."  # the kernel's own, in overlays of users


def is_carried(name: str) -> bool:
    """Whether layers carry it: not the marks of overlays, nor what the host's policy says."""
    return name.startswith(_CARRIED) and not name.startswith(_MARKS)


def read_attributes(path: str) -> dict[str, bytes]:
    """Those of a file or folder that layers carry, sorted; links are not followed."""
    names = filter(is_carried, sorted(os.listxattr(path, follow_symlinks=False)))
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
