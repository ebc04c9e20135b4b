"""Entering namespaces (namespaces(7), user_namespaces(7))."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from _socket import AF_INET, SOCK_DGRAM, socket

from envbuild.execute.sandbox.inside import system
from envbuild.execute.sandbox.inside.channel import NO_NAMESPACES, SUB_IDS, UNSHARED, Channel, Refusal

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final

# EACCES is AppArmor's, which lets everybody make a namespace that allows nothing.
_FORBIDDEN: Final = (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EUSERS, errno.EINVAL, errno.ENOSYS)
_SETTINGS: Final = "/proc/sys"
# Debian's switch, the kernel's own limit, and Ubuntu's AppArmor: the value that forbids, and one that allows.
_SWITCHES: Final = (
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("user.max_user_namespaces", "0", "15000"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
)
# Without the last, parts of /proc are hidden, and then the kernel allows no other one (mount_namespaces(7)).
IN_A_CONTAINER: Final = (
    "in a container, run it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined` or `--privileged`"
)


def enter_namespaces(channel: Channel, flags: int, *, own_users: bool) -> None:
    """Leave the host's namespaces, in one of users of our own where that is asked for.

    The other side writes its maps when it is told `UNSHARED`, and answers. Afterwards this process
    is root inside, and ends with the one that started it. Raises Refusal.
    """
    try:
        if own_users:
            system.unshare(system.NEW_USER)
            channel.send({"kind": UNSHARED})
            answer, _ = channel.receive()
            if answer is None:
                raise SystemExit(1)
            _become_root()
        system.die_with_parent()
        system.unshare(flags | system.NEW_MOUNTS)
        system.make_private()
    except OSError as error:
        if error.errno not in _FORBIDDEN:
            raise
        raise Refusal(
            f"{NO_NAMESPACES}: {error.strerror}", advise_namespaces() if own_users else IN_A_CONTAINER
        ) from error


def advise_namespaces(settings: str = _SETTINGS) -> str:
    """The command that lifts what the machine's settings forbid, if they do, and what allows a container."""
    changes = [
        f"{name}={allowed}"
        for name, forbidden, allowed in _SWITCHES
        if _read_setting(settings, name) == forbidden
    ]
    lifting = f"`sudo sysctl {' '.join(changes)}` on the host allows them until it starts again"
    return "; ".join([lifting, IN_A_CONTAINER] if changes else [IN_A_CONTAINER])


def _read_setting(settings: str, name: str) -> str:
    """The value of a setting; none where this kernel lacks it (sysctl(8))."""
    try:
        with open(f"{settings}/{name.replace('.', '/')}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _become_root() -> None:
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    if may_change_groups():
        os.setgroups([])


def may_change_groups() -> bool:
    """Whether this namespace lets groups be dropped, which could be there to forbid something."""
    with open("/proc/self/setgroups", "rb") as file:
        return file.read().startswith(b"allow")


_known: dict[str, list[list[int]]] = {}


def remember_maps() -> None:
    """Read the maps of this namespace now: in another root there may be no /proc."""
    for kind in ("uid", "gid"):
        with open(f"/proc/self/{kind}_map", "rb") as file:
            _known[kind] = [list(map(int, line.split())) for line in file]


def is_mapped(kind: str, number: int) -> bool:
    """Whether this namespace has a `uid` or `gid` of this number (user_namespaces(7))."""
    if kind not in _known:
        remember_maps()
    return any(first <= number < first + count for first, _, count in _known[kind])


def require_mapped(uid: int, gid: int, what: str) -> None:
    """Raises Refusal where this namespace lacks an owner's numbers: nobody could become that owner."""
    for kind, number in (("uid", uid), ("gid", gid)):
        if number and not is_mapped(kind, number):
            raise Refusal(f"{what} has the {kind} {number}, which is not mapped to any of yours", SUB_IDS)


def raise_loopback() -> None:
    """Make `lo` of a new network namespace usable (netdevice(7))."""
    end = socket(AF_INET, SOCK_DGRAM, 0)
    # struct ifreq: the name and the flags IFF_UP | IFF_RUNNING; SIOCSIFFLAGS
    fcntl.ioctl(end, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))
    end.close()
