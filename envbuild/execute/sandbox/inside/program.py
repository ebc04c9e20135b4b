"""The first process of the sandbox, and the program it starts."""

from __future__ import annotations

import os
import resource
import sys

from envbuild.execute.sandbox.inside import mounts, system
from envbuild.execute.sandbox.inside.account import Account, find_account
from envbuild.execute.sandbox.inside.channel import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    READY,
    Channel,
    Message,
    Refusal,
)
from envbuild.execute.sandbox.inside.namespaces import (
    is_mapped,
    may_change_groups,
    remember_maps,
    require_mapped,
)
from envbuild.execute.sandbox.inside.overlay import Overlay
from envbuild.execute.sandbox.inside.places import Places

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Final, NoReturn

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Docker's (oci/caps/defaults.go) without MKNOD and AUDIT_WRITE, as layers hold no devices: CHOWN,
# DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, SETFCAP.
_CAPABILITIES: Final = frozenset((0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 31))
_KILL: Final = 5
_MOST_FILES: Final = 1 << 16  # more than a process of ours ever opens
_OPEN_FILES: Final = 1024  # what most programs expect; some close every number up to the limit


def run_first(spec: Message, channel: Channel, overlay: Overlay) -> int:
    """Make the root and run the program in it; returns its exit code. Raises Refusal.

    This is process 1 of its namespace: when it ends, all that the program left behind is killed.
    """
    system.die_with_parent()
    system.unshare(system.NEW_MOUNTS)
    root = overlay.mount_changeable()
    places = Places()
    sources = mounts.Sources(spec)
    remember_maps()
    forwarding = load_forwarding() if spec["interactive"] else None
    sys.path.clear()  # whatever lies at these paths from now on is the image's
    os.umask(0o022)
    os.chdir(root)
    system.pivot_root_here()
    mounts.attach_all(sources, places)
    account = find_account(spec["user"])
    require_mapped(account.uid, account.gid, f"user `{spec['user']}`")
    workdir = _make_workdir(spec["workdir"])
    if spec["upper"] == "read-only":
        system.mount("", "/", system.REMOUNT | system.BIND | system.READ_ONLY | system.NO_DEVICES)
    system.unmount(".")  # the old root, which lies above the new one
    os.chdir(workdir)
    channel.send({"kind": READY, "places": places.made})
    # The program has the same user: it must not find a way to whoever started us.
    _close_all_but(spec["doors"])
    return _supervise(spec, account, forwarding)


def _close_all_but(kept: list[int]) -> None:
    begin = 3
    for each in sorted(kept):
        os.closerange(begin, each)
        begin = each + 1
    os.closerange(begin, _MOST_FILES)


def _make_workdir(stated: str) -> str:
    """The working folder, which is made where the image has none (as BuildKit does)."""
    path = os.path.realpath(f"/{stated}")
    try:
        os.makedirs(path, 0o755, exist_ok=True)
    except OSError as error:
        raise Refusal(f"the working folder `{stated}` cannot be made: {error.strerror}") from error
    return path


def load_forwarding() -> ModuleType:
    """What passes signals on, for who has a terminal; its modules take 10 ms to load."""
    from envbuild.execute.sandbox.inside import forwarding

    return forwarding


def _supervise(spec: Message, account: Account, forwarding: ModuleType | None) -> int:
    child = os.fork()
    if child == 0:
        if forwarding is not None:
            forwarding.release_signals(spec["signals"])
        _start(spec, account)
    for door in spec["doors"]:
        os.close(door)
    system.hold_capabilities(frozenset((_KILL,)))
    system.hide_process()
    if forwarding is not None:
        forwarding.forward_signals(spec["signals"], child)
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _start(spec: Message, account: Account) -> NoReturn:
    try:
        system.default_signals()
        _join_groups(spec["doors"])
        _become(spec, account)
        _execute(spec, account)
    except OSError as error:
        _die(f"cannot become user `{spec['user']}`: {error.strerror}", NOT_EXECUTABLE)
    finally:
        end_with_trace(NOT_EXECUTABLE)


def _join_groups(doors: list[int]) -> None:
    """Enter control groups, which have names that tell of the host: in a namespace, they are all `/`."""
    for door in doors:
        os.write(door, b"0")  # this process, whatever its number is there
        os.close(door)
    if doors:
        system.unshare(system.NEW_CGROUP)


def end_with_trace(code: int) -> NoReturn:
    """End a forked process, which must not run on as a second one of what it was forked from."""
    if sys.exc_info()[0] is not None:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    os._exit(code)


def _become(spec: Message, account: Account) -> None:
    """Take on the program's identity; the order is given by what each step still needs."""
    for name, (soft, hard) in _limits(spec).items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    if may_change_groups():
        # With the own group among them, as in Docker: who drops it must not get what others are denied.
        os.setgroups([gid for gid in (account.gid, *account.groups) if is_mapped("gid", gid)])
    os.setresgid(account.gid, account.gid, account.gid)
    system.bound_capabilities(_CAPABILITIES)
    os.setresuid(account.uid, account.uid, account.uid)
    system.hold_capabilities(_CAPABILITIES if account.uid == 0 else frozenset())


def _limits(spec: Message) -> dict[str, tuple[int, int]]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    limits = {"RLIMIT_NOFILE": (soft, hard), "RLIMIT_CORE": (0, 0)}
    return limits | {name: (value, value) for name, value in spec["limits"].items()}


def _execute(spec: Message, account: Account) -> NoReturn:
    environment = {"PATH": _PATH, "HOME": account.home, **spec["environment"]}
    program = spec["argv"][0]
    missing, code = "is not there, or the interpreter that it names is not", NOT_FOUND
    for path in _candidates(program, environment["PATH"]):
        try:
            os.execve(path, spec["argv"], environment)  # noqa: S606 (it is what we are for)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            missing, code = f"cannot be executed: {error.strerror}", NOT_EXECUTABLE
    _die(f"`{program}` {missing}", code)


def _candidates(program: str, path: str) -> list[str]:
    if "/" in program:
        return [program]
    return [f"{folder or '.'}/{program}" for folder in path.split(":")]


def _die(message: str, code: int) -> NoReturn:
    os.write(2, f"envbuild: {message}\n".encode(errors="surrogateescape"))
    os._exit(code)
