"""The Python modules of a wheel, where an installation has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from envbuild.archive.wheel_info import read_info
from envbuild.archive.wheel_install import plan_installation
from envbuild.archive.wheel_layout import Layout
from envbuild.archive.zip_archive import LARGE, ZipArchive


def read_modules(wheel: BinaryIO, *, file_name: str, prefix: str, python: str) -> Iterator[tuple[str, bytes]]:
    """Each file below the folder of modules whose name ends in `.py`: its path in there, and its source.

    They are those of `write_wheel_layer` with the same arguments. What is larger than a module can be is
    left out. Raises ArchiveError.
    """
    archive, layout = ZipArchive(wheel), Layout(prefix, python)
    folder = f"{layout.site_packages}/"
    for path, placed in sorted(plan_installation(archive, read_info(archive, file_name), layout).items()):
        if not (path.startswith(folder) and path.endswith(".py")):
            continue
        content = placed.content
        if isinstance(content, bytes):
            yield path.removeprefix(folder), content
        elif content.memory <= LARGE:
            yield path.removeprefix(folder), archive.read(content)
