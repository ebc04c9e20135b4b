"""The child process of a sandbox: what it does, by name."""

from __future__ import annotations

import errno
import os
import select
from _socket import sethostname

from envbuild.execute.sandbox.inside import system
from envbuild.execute.sandbox.inside.changes import Changes
from envbuild.execute.sandbox.inside.channel import (
    DONE,
    EXITED,
    READY,
    REFUSED,
    Channel,
    Message,
    Refusal,
    adopt_channel,
    open_channel,
)
from envbuild.execute.sandbox.inside.namespaces import enter_namespaces, raise_loopback
from envbuild.execute.sandbox.inside.overlay import Overlay
from envbuild.execute.sandbox.inside.program import end_with_trace, load_forwarding, run_first
from envbuild.execute.sandbox.inside.removal import remove_below

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final

HOST_NAME: Final = "envbuild"


def run(spec: Message, channel: Channel) -> None:
    """Run a step, then tell what it changed where that is asked for; nothing of it stays."""
    # Now: the host's files are there, and it counts who opened them, in which namespaces (cgroups(7)).
    spec["doors"] = [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in spec["groups"]]
    if spec["interactive"]:
        load_forwarding()  # now: Python may lie where only the host's rights lead
    flags = system.NEW_IPC | system.NEW_HOST_NAME | system.NEW_CGROUP
    flags |= 0 if spec["network"] else system.NEW_NETWORK
    enter_namespaces(channel, flags, own_users=spec["own_users"])
    if not spec["network"]:
        raise_loopback()
    sethostname(HOST_NAME)
    try:
        _run_and_tell(spec, channel)
    finally:
        remove_below(spec["folder"])
    channel.send({"kind": DONE})


def _run_and_tell(spec: Message, channel: Channel) -> None:
    overlay = Overlay(spec["folder"], spec["layers"], spec["marks"])
    below = overlay.mount_lower()
    try:
        places, code = _run_to_end(spec, channel, overlay)
        if code and spec["kept"]:
            _keep(overlay.upper, spec["kept"])
        channel.send({"kind": EXITED, "code": code})
        if spec["upper"] == "captured" and code == 0:
            Changes(overlay.upper, below, spec["marks"], places).send(channel)
    finally:
        system.unmount(below)


def _keep(upper: str, place: str) -> None:
    """Move what a failed step changed to where it can be looked at, in the place of an earlier failure's."""
    if os.path.isdir(place):
        remove_below(place)
    os.rename(upper, place)


def unpack(spec: Message, channel: Channel) -> None:
    """Unpack layers, each into its folder."""
    from envbuild.execute.sandbox.inside.unpacking import unpack_all

    enter_namespaces(channel, 0, own_users=spec["own_users"])
    unpack_all(spec, channel)
    channel.send({"kind": DONE})


def remove(spec: Message, channel: Channel) -> None:
    """Remove what lies in a folder, whoever of the namespace it belongs to."""
    enter_namespaces(channel, 0, own_users=spec["own_users"])
    for folder in spec["folders"]:
        remove_below(folder)
    channel.send({"kind": DONE})


_COMMANDS: Final = {"run": run, "unpack": unpack, "remove": remove}


def main(descriptor: int) -> None:
    """Do what the other end of the channel asks for, and tell how it went."""
    channel = adopt_channel(descriptor)
    spec = channel.receive_task()
    if spec is None:
        return
    try:
        _COMMANDS[spec["command"]](spec, channel)
    except Refusal as refusal:
        channel.send({"kind": REFUSED, "message": refusal.message, "hint": refusal.hint, "errno": 0})
    except BrokenPipeError:  # nobody listens any more: the user wants it to end
        return
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
        channel.send({"kind": REFUSED, "message": message, "hint": "", "errno": error.errno})


def _run_to_end(spec: Message, channel: Channel, overlay: Overlay) -> tuple[list[str], int]:
    """The places made for mounts, and the exit code; ends the step when the other side says so, or goes."""
    forwarding = load_forwarding() if spec["interactive"] else None
    if forwarding:
        system.ignore_keys()
    system.unshare(system.NEW_PIDS)
    told, telling = open_channel()
    first = os.fork()
    if first == 0:
        told.close()
        _be_first(spec, telling, overlay)
    telling.close()
    if forwarding:
        forwarding.forward_signals(spec["signals"], first)
    message, _ = told.receive()
    if message is not None and message["kind"] == READY:
        channel.send(message)
        _wait(os.pidfd_open(first), channel, first)
    _, status = os.waitpid(first, 0)
    if message is None:
        raise Refusal("the sandbox ended before the step began")
    if message["kind"] != READY:
        raise Refusal(message["message"], message["hint"])
    code = os.waitstatus_to_exitcode(status)
    return message["places"], code if code >= 0 else 128 - code


def _be_first(spec: Message, telling: Channel, overlay: Overlay) -> None:
    try:
        os._exit(run_first(spec, telling, overlay))
    except Refusal as refusal:
        telling.send({"kind": REFUSED, "message": refusal.message, "hint": refusal.hint})
    except OSError as error:
        hint = "this takes Linux 5.12 or later" if error.errno == errno.ENOSYS else ""
        telling.send({"kind": REFUSED, "message": f"{error.filename}: {error.strerror}", "hint": hint})
    finally:
        end_with_trace(1)


def _wait(watched: int, channel: Channel, first: int) -> None:
    """Return when the first process has ended; whatever comes over the channel is the word to end it."""
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.register(channel.fileno(), select.POLLIN)
    while not any(descriptor == watched for descriptor, _ in poll.poll()):
        poll.unregister(channel.fileno())
        os.kill(first, 9)
