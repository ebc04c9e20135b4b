"""The numbers of users and groups that a user may have besides the own ones (subuid(5), subgid(5))."""

from __future__ import annotations

import pwd
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass

FILES: Final = (Path("/etc/subuid"), Path("/etc/subgid"))
_FIRST: Final = 100_000  # as useradd has it (login.defs(5), SUB_UID_MIN)
_COUNT: Final = 65_536


@dataclass(frozen=True, slots=True)
class Grant:
    """A line of these files: `count` numbers from `begin` on, for a user by name or number."""

    user: str
    begin: int
    count: int


def read_grants(path: Path) -> Iterator[Grant]:
    """The lines of a file that make sense; none where it cannot be read."""
    try:
        rows = [line.split(":") for line in path.read_text().splitlines()]
    except OSError:
        return
    for row in rows:
        if len(row) == 3 and row[1].isdecimal() and row[2].isdecimal():
            yield Grant(row[0], int(row[1]), int(row[2]))


def find_names(uid: int) -> tuple[str, ...]:
    """What these files may call a user, the name first."""
    try:
        return pwd.getpwuid(uid).pw_name, str(uid)
    except KeyError:
        return (str(uid),)


def advise_sub_ids(uid: int, files: Sequence[Path] = FILES) -> str:
    """The command that gives a user numbers that nobody else has, and what can be done without."""
    if uid == 0:
        return "start this container with 65,536 users and groups or more, or with `--privileged`"
    ends = [grant.begin + grant.count for path in files for grant in read_grants(path)]
    line = f"{find_names(uid)[0]}:{max([_FIRST, *ends])}:{_COUNT}"
    get = f"get sub-ids: `echo {line} | sudo tee -a {' '.join(map(str, files))}`"
    if not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        get = f"install `uidmap`, and {get}"
    return f"{get}; or let a Docker engine run it: `--executor docker`, for programs `--engine docker`"
