"""Who may remove blobs: any number of builds share the store, one clean-up has it alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envbuild.core.errors import StoreError
from envbuild.store.faults import store_fault
from envbuild.store.file_lock import try_lock

_NAME = "lease"


@contextmanager
def shared_lease(root: Path) -> Iterator[None]:
    """While this is held, no blob is removed; waits for a clean-up to end.

    On a disk that cannot be written there is nobody to hold off, and no file is made.
    """
    descriptor = _open_to_share(root)
    if descriptor is None:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_lease(root: Path) -> Iterator[None]:
    """Have the store alone; raises StoreError at once while a build runs."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise store_fault(error, root) from error
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX):
            raise StoreError(f"the store `{root}` is in use", hint="try again when no build runs")
        yield
    finally:
        os.close(descriptor)


def _open_to_share(root: Path) -> int | None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        return os.open(root / _NAME, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        pass
    try:
        return os.open(root / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
