"""The builtin that finds libraries which built extensions are linked to, and their image lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from envbuild.archive.elf import is_elf, read_needed
from envbuild.archive.listing import Kind, parse_listing
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import CHECKED

# What comes with the driver of a graphics card: whoever starts containers puts it there, no image has it.
_DRIVERS: Final = ("libcuda.so", "libnvidia-", "libnvcuvid.so", "libnvoptix.so")
_SHOWN: Final = 5


def check_libraries(job: Job) -> None:
    """Succeed where each library that the wheels' extensions need is somewhere in the image or the wheel.

    By name alone: in which folders a linker looks is not judged. Raises BuildError that names both.
    """
    there = set(_names(job.inputs))
    lacking = [
        f"`{path}` of `{owner}` is linked to `{name}`"
        for n, owner in enumerate(job.parameters["owners"])
        for path, name in _needed(job.inputs[f"wheels/{n:03}"])
        if name not in there and not name.startswith(_DRIVERS)
    ]
    if lacking:
        more = len(lacking) - _SHOWN
        shown = "\n".join([*lacking[:_SHOWN], *([f"and {more} more such names"] if more > 0 else [])])
        raise BuildError(
            f"the image lacks libraries that its `sdist_base` has:\n{shown}",
            hint="add what brings them, such as Debian's package of the library under `apt`",
        )
    job.outputs[CHECKED].write(b"all libraries that were linked to are there\n")


def _names(inputs: Mapping[str, Path]) -> Iterator[str]:
    """The last parts of the paths of the image."""
    for path, listing in inputs.items():
        if not path.startswith("wheels/"):
            for entry in parse_listing(listing.read_bytes()):
                if entry.kind is not Kind.DIRECTORY:
                    yield entry.path.rpartition("/")[2]


def _needed(wheel: Path) -> Iterator[tuple[str, str]]:
    """The paths of a wheel's shared objects, each with a name that it needs and the wheel has not."""
    from zipfile import ZipFile

    with ZipFile(wheel) as archive:
        own = {name.rpartition("/")[2] for name in archive.namelist()}
        for info in archive.infolist():
            with archive.open(info) as file:
                head = file.read(16)
                needed = read_needed(head + file.read()) if is_elf(head) else ()
            for name in needed:
                last = name.rpartition("/")[2]
                if last not in own:
                    yield info.filename, last
