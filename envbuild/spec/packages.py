"""The packages of a workspace: its folders with a build file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.spec.build_file import BUILD_FILE
from envbuild.spec.ignore import Ignored
from envbuild.spec.recorder import Recorder
from envbuild.spec.workspace import WORKSPACE_FILE


def find_packages(root: Path, below: str, recorder: Recorder) -> tuple[str, ...]:
    """The packages at and below a folder of the workspace, sorted; none where there is no such folder.

    Left out are ignored and hidden folders, those whose names no label can hold, symbolic links,
    and workspaces of their own. Raises SpecError where a folder cannot be read.
    """
    return tuple(sorted(_walk(root, below, recorder, Ignored(root, recorder))))


def _walk(root: Path, package: str, recorder: Recorder, ignored: Ignored) -> Iterator[str]:
    folder = root / package
    recorder.record(folder)
    if not folder.is_dir():
        return
    files, folders = _list(folder, package)
    if package and WORKSPACE_FILE in files:
        return
    if BUILD_FILE in files:
        yield package
    for name in folders:
        below = f"{package}/{name}" if package else name
        if _is_package_name(name) and not ignored.covers(below, is_folder=True):
            yield from _walk(root, below, recorder, ignored)


def _list(folder: Path, package: str) -> tuple[set[str], list[str]]:
    try:
        with os.scandir(folder) as entries:
            listed = [(entry.name, entry.is_dir(follow_symlinks=False), entry.is_file()) for entry in entries]
    except OSError as error:
        raise SpecError(
            f"cannot read the folder `{package or '.'}`: {error.strerror}",
            hint="make it readable, or add it to `.envbuildignore`",
        ) from error
    files = {name for name, _, is_file in listed if is_file}
    return files, sorted(name for name, is_folder, _ in listed if is_folder)


def _is_package_name(name: str) -> bool:
    if name.startswith("."):
        return False
    try:
        Label.checked(name, "name", name)
    except SpecError:
        return False
    return True
