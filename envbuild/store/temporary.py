"""Files and folders on their way in: made beside their place, locked while somebody makes them.

The kernel drops the lock of a process with it, however that ends. So what is not locked has no
maker any more, and `sweep` removes it at once; there is no age to guess.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from envbuild.store.file_lock import is_linked, try_lock

_MARK: Final = "envbuild-"  # in the names of those that lie among other people's files
_ROOM: Final = 200  # bytes of a name that leave room for more: file systems allow 255


def create_file(folder: Path, prefix: str = "", mode: int = 0o600) -> tuple[int, Path]:
    """A new file, open and locked: one that a sweep took between creation and lock is noticed.

    Of `mode` the umask takes its part, as with every new file.
    """
    while True:
        path = folder / f"{prefix}{_new_name()}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        if try_lock(descriptor, fcntl.LOCK_EX) and is_linked(descriptor):
            return descriptor, path
        os.close(descriptor)


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A new folder, locked, and removed in the end with all that is left in it."""
    descriptor, path = _create_folder(parent)
    try:
        yield path
    finally:
        _remove_tree(path)
        os.close(descriptor)


@contextmanager
def draft(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` if the block ends well. Raises OSError.

    It lies in the same folder, hidden; what killed writers of `path` left there goes first. Its mode
    is that of any new file.
    """
    prefix = f".{os.fsdecode(os.fsencode(path.name)[:_ROOM])}.{_MARK}"
    sweep(path.parent, prefix)
    descriptor, temporary = create_file(path.parent, prefix, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, with the mode 0644; raises OSError."""
    with draft(path) as file:
        file.write(data)
        os.fchmod(file.fileno(), 0o644)


def sweep(folder: Path, prefix: str = "") -> int:
    """Remove what killed processes left in a folder; returns the number of bytes of its files."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.startswith(prefix))
    except OSError:  # nothing there, or another user's
        return 0
    return sum(map(_remove_abandoned, paths))


def abandoned_folders(parent: Path) -> Iterator[Path]:
    """The folders that killed processes left in `parent`, each locked while the caller has it, to be emptied.

    Those that are empty afterwards are removed.
    """
    for path in sorted(parent.iterdir()):
        with suppress(OSError):  # gone meanwhile, or another user's
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if try_lock(descriptor, fcntl.LOCK_EX):
                    yield path
                    path.rmdir()
            finally:
                os.close(descriptor)


def _new_name() -> str:
    """A name that nobody has: what `secrets` and `tempfile` would make takes long to load."""
    return os.urandom(8).hex()


def _remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it, as far as that can be removed."""
    with suppress(OSError):  # mostly it is empty
        path.rmdir()
        return
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def _create_folder(parent: Path) -> tuple[int, Path]:
    while True:
        path = parent / _new_name()
        path.mkdir(mode=0o700)
        with suppress(FileNotFoundError):  # swept already
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
            if try_lock(descriptor, fcntl.LOCK_EX) and path.exists():
                return descriptor, path
            os.close(descriptor)


def _remove_abandoned(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # gone meanwhile, or another user's
        return 0
    try:
        return _remove(path) if try_lock(descriptor, fcntl.LOCK_EX) else 0
    except OSError:  # the disk, or the folder, cannot be written
        return 0
    finally:
        os.close(descriptor)


def _remove(path: Path) -> int:
    if path.is_dir():
        import shutil

        shutil.rmtree(path)
        return 0
    size = path.stat().st_size
    path.unlink()
    return size
