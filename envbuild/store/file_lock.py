"""Locks between processes: `flock` on small files.

The kernel drops such a lock with the process that holds it, however that ends, so there is no
stale lock to clean up. Descriptors of their own make it also exclude threads of one process.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from envbuild.store.faults import store_fault

_BUSY = (errno.EAGAIN, errno.EACCES)


def try_lock(descriptor: int, mode: int) -> bool:
    """Lock an open file with LOCK_SH or LOCK_EX at once; False where another holds it."""
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def is_linked(descriptor: int) -> bool:
    """Whether the open file still has a name."""
    return os.fstat(descriptor).st_nlink > 0


@contextmanager
def passing_lock(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold `path` exclusively, and remove it in the end; `wait` is called between attempts.

    The race: A holds the lock and B has the file open and waits. A removes the file, then lets go.
    B gets the lock of a file without a name, sees that, and begins anew, so that C, who made a
    new file meanwhile, and B never both hold "the" lock.
    """
    descriptor = _acquire(path, wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, wait: Callable[[], None]) -> int:
    while True:
        descriptor = _open(path)
        try:
            while not try_lock(descriptor, fcntl.LOCK_EX):
                wait()
            if is_linked(descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise store_fault(error, path.parent) from error
