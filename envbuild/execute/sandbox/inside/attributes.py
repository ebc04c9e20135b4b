"""Extended attributes: those that a step finds, and the one that its layer has (xattr(7))."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final

# As in BuildKit's layers: file capabilities (capabilities(7)), and nothing else.
CAPABILITY: Final = "security.capability"
_UNPACKED: Final = ("user.", CAPABILITY)
_MARKS: Final = "user.overlay."  # the kernel's own, in overlays of users


def is_unpacked(name: str) -> bool:
    """Whether a step finds it where a layer has it: no mark of overlays, nothing of a host's policy."""
    return name.startswith(_UNPACKED) and not name.startswith(_MARKS)


def read_attributes(path: str) -> dict[str, bytes]:
    """What a layer says of a file's attributes; links are not followed."""
    try:
        return {CAPABILITY: os.getxattr(path, CAPABILITY, follow_symlinks=False)}
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        return {}
