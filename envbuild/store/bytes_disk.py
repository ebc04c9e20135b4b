"""How diskcache keeps our rows: bytes under bytes, in the database itself, never a pickle.

diskcache pickles what it does not know and unpickles what a row says is a pickle: whoever can
write the file could run code in every reader. Here such a row is nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diskcache import Cache, Disk

MODE_RAW = 1  # diskcache's column `mode`: the value is in the row, as it is
_IN_ROW = 2**31  # bytes up to which a value has no file of its own: all


class BytesDisk(Disk):  # type: ignore[misc]  # the library has no types
    """Keys and values are bytes; what claims to be anything else reads as nothing."""

    def put(self, key: object) -> tuple[Any, bool]:
        """The database's form of a key; raises TypeError unless it is bytes."""
        return _checked(key), True

    def get(self, key: Any, raw: bool) -> object:  # noqa: FBT001 (diskcache's signature)
        """A key out of the database."""
        return key if raw and isinstance(key, bytes) else b""

    def store(self, value: object, read: bool, key: object = None) -> Any:  # noqa: FBT001, ARG002
        """Size, mode, file name and value of a new row; raises TypeError unless it is bytes."""
        return 0, MODE_RAW, None, _checked(value)

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> object:  # noqa: FBT001, ARG002
        """A value out of the database; None where the row holds no plain bytes."""
        return value if mode == MODE_RAW and isinstance(value, bytes) else None


def open_cache(folder: Path, size_limit: int) -> Cache:
    """The cache in `folder`, made if need be; nothing is ever evicted from it unasked."""
    return Cache(
        str(folder),
        disk=BytesDisk,
        eviction_policy="none",
        size_limit=size_limit,
        disk_min_file_size=_IN_ROW,
    )


def _checked(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"an action cache holds bytes, not {type(value).__name__}")
    return value
