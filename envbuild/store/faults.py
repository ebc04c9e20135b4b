"""What the operating system says about a store's folder, as errors with a hint."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envbuild.core.errors import StoreError

FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


class StoreReadOnly(StoreError):
    """The store may be read but not written."""


class BlobMismatch(StoreError):
    """A blob's bytes are not those that were asked for."""


def store_fault(error: OSError, folder: Path) -> StoreError:
    """The error to raise for `error`, which came up while writing below `folder`."""
    if error.errno in FULL:
        hint = "free some space, or run `envbuild cache gc`"
        return StoreError(f"the disk of the store `{folder}` is full", hint=hint)
    hint = "choose another store with `--cache-dir`"
    if error.errno in _CLOSED:
        return StoreReadOnly(f"the store `{folder}` cannot be written", hint=hint)
    return StoreError(f"the store `{folder}` cannot be used: {error.strerror or error}", hint=hint)


@contextmanager
def telling_faults(folder: Path) -> Iterator[None]:
    """Raise what the disk says within the block as the fault of the store at `folder`."""
    try:
        yield
    except OSError as error:
        raise store_fault(error, folder) from error
