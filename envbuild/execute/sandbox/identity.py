"""Which numbers of users and groups a sandbox has (user_namespaces(7), subuid(5))."""

from __future__ import annotations

import os
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.inside.channel import NO_NAMESPACES
from envbuild.execute.sandbox.sub_ids import FILES, find_names, read_grants

_EVERYTHING = 2**32 - 1
_SYS_ADMIN = 21


@dataclass(frozen=True, slots=True)
class Range:
    """`count` numbers from `inside` on, which are those from `outside` on to the host."""

    inside: int
    outside: int
    count: int

    def __str__(self) -> str:
        return f"{self.inside} {self.outside} {self.count}"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in a sandbox. `host` is root without a namespace of users: its numbers are the host's own.

    Else `users` and `groups` map the namespace's numbers. `single` says that only root is mapped.
    `by_program` says that newuidmap writes the map: the kernel lets an ordinary user map only itself.
    """

    users: tuple[Range, ...] = ()
    groups: tuple[Range, ...] = ()
    by_program: bool = False

    @property
    def host(self) -> bool:
        """Whether this is the host's root."""
        return not self.users

    @property
    def single(self) -> bool:
        """Whether nobody but root is mapped."""
        return not self.host and sum(each.count for each in self.users) == 1

    @property
    def marks(self) -> str:
        """The family of extended attributes that overlays may use."""
        return "trusted" if self.host else "user"

    @property
    def name(self) -> str:
        """A name for folders whose files have owners of these maps."""
        if self.host:
            return "root"
        text = ",".join(map(str, (*self.users, 0, *self.groups)))
        import hashlib

        return f"user-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def write_maps(self, process: int) -> None:
        """Map the numbers of a process that has just made its namespace; raises BuildError."""
        if self.by_program:
            _run_mapper("newuidmap", process, self.users)
            _run_mapper("newgidmap", process, self.groups)
            return
        try:
            self._write_maps(Path("/proc", str(process)))
        except PermissionError as error:
            from envbuild.execute.sandbox.inside.namespaces import advise_namespaces

            refused = f"{NO_NAMESPACES} with maps of users: {error.strerror}"
            raise BuildError(refused, hint=advise_namespaces()) from error

    def _write_maps(self, folder: Path) -> None:
        if self.single:
            # Who cannot change groups cannot drop one that forbids something (user_namespaces(7)).
            (folder / "setgroups").write_text("deny")
        (folder / "uid_map").write_text("\n".join(map(str, self.users)))
        (folder / "gid_map").write_text("\n".join(map(str, self.groups)))


def find_identity() -> Identity:
    """The best that this process can be: root as it is, a user with sub-ids, or root alone."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        users, groups = _read_map("uid"), _read_map("gid")
        if users == (Range(0, 0, _EVERYTHING),) and _may_mount(Path("/proc/self/status")):
            return Identity()
        # Root of somebody's namespace, or of a container: all that is mapped there is mapped in ours.
        return Identity(tuple(map(_same, users)), tuple(map(_same, groups)))
    users, groups = (read_sub_ids(path, uid) for path in FILES)
    import shutil

    if users and groups and shutil.which("newuidmap") and shutil.which("newgidmap"):
        return Identity((Range(0, uid, 1), *users), (Range(0, gid, 1), *groups), by_program=True)
    return Identity((Range(0, uid, 1),), (Range(0, gid, 1),))


def _may_mount(status: Path) -> bool:
    """Whether a process has CAP_SYS_ADMIN (proc_pid_status(5)), which a container's root mostly lacks."""
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return bool(int(lines["CapEff"], 16) >> _SYS_ADMIN & 1)


def _read_map(kind: str) -> tuple[Range, ...]:
    lines = Path(f"/proc/self/{kind}_map").read_text().splitlines()
    return tuple(Range(*map(int, line.split())) for line in lines)


def _same(known: Range) -> Range:
    return Range(known.inside, known.inside, known.count)


def read_sub_ids(path: Path, uid: int) -> tuple[Range, ...]:
    """The ranges that a file grants to a user by name or number, put behind one another from 1 on."""
    found: list[Range] = []
    for grant in read_grants(path):
        if grant.user in find_names(uid):
            begin = found[-1].inside + found[-1].count if found else 1
            found.append(Range(begin, grant.begin, grant.count))
    return tuple(found)


def _run_mapper(program: str, process: int, ranges: tuple[Range, ...]) -> None:
    numbers = [number for each in ranges for number in (each.inside, each.outside, each.count)]
    command = [program, str(process), *map(str, numbers)]
    import subprocess

    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(
            f"`{program}` refused: {done.stderr.strip()}",
            hint="check that /etc/subuid and /etc/subgid grant you ranges that nobody else has",
        )
