"""Files that a user names: written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from envbuild.core.errors import StoreError


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that appears whole or not at all, with the mode of what it replaces; raises StoreError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write `{path}`: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
