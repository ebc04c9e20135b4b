"""Small files of caches, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path


def keep(path: Path, value: object) -> None:
    """Keep a value as JSON; where the disk does not let us, the next time asks again."""
    keep_text(path, json.dumps(value))


def keep_text(path: Path, text: str) -> None:
    """Keep a text likewise."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return
