"""Removing what a step or an unpacking left."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final

_LONGEST: Final = 2000  # bytes of a path from which on folders are moved up: no call takes more than 4095


def remove_below(folder: str) -> None:
    """Remove all that lies in a folder, without following links, however deep it is."""
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _empty(root)
    finally:
        os.close(root)


def _empty(root: int) -> None:
    """Depth first, with a stack of paths of our own; the folders of a path that was just emptied go last."""
    stack, moved = [""], 0
    while stack:
        path = stack[-1]
        below = _remove_files(root, path)
        for name in below:
            deep = f"{path}/{name}" if path else name
            if len(os.fsencode(deep)) > _LONGEST:
                moved += 1
                deep = _move_up(root, path, name, moved)
            stack.append(deep)
        if below:
            continue
        stack.pop()
        if path:
            os.rmdir(path, dir_fd=root)


def _remove_files(root: int, path: str) -> list[str]:
    """Remove what is no folder; returns the folders' names."""
    here = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    try:
        folders = []
        with os.scandir(here) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                else:
                    os.unlink(entry.name, dir_fd=here)
        return folders
    finally:
        os.close(here)


def _move_up(root: int, path: str, name: str, number: int) -> str:
    """Give a folder a short path, which it returns."""
    short = f".removed-{os.getpid()}-{number}"
    here = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    try:
        os.rename(name, short, src_dir_fd=here, dst_dir_fd=root)
    finally:
        os.close(here)
    return short
