"""Messages between the two processes of a sandbox, one a packet, each with an open file where it has one."""

from __future__ import annotations

import marshal
import os
import struct
from _socket import (
    AF_UNIX,
    SCM_RIGHTS,
    SO_SNDBUF,
    SOCK_CLOEXEC,
    SOCK_SEQPACKET,
    SOL_SOCKET,
    socket,
    socketpair,
)

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Any, Final

Message = dict[str, "Any"]

# What messages are, by their `kind`.
UNSHARED: Final = "unshared"
READY: Final = "ready"
EXITED: Final = "exited"
CHANGE: Final = "change"
REFUSED: Final = "refused"
DONE: Final = "done"

# Exit codes of a program that cannot be run, as shells have them.
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127

SUB_IDS: Final = "sub-ids"  # the hint of who lacks some; the other side knows how to get them
NO_NAMESPACES: Final = "the kernel or this container allows no namespaces"  # how that refusal begins
LARGEST: Final = 1 << 20  # bytes of a message: a path and all its extended attributes
_ROOM: Final = 4 << 20
_DESCRIPTOR: Final = struct.Struct("i")
_TRUNCATED: Final = 0x28  # MSG_TRUNC or MSG_CTRUNC


class Refusal(Exception):
    """What a user can be told: goes over the channel, and is raised again on the other side."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Channel:
    """One end. Both ends run the same interpreter, and no program of an image ever has one."""

    def __init__(self, end: socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._end.fileno()

    def send(self, message: Message, descriptor: int | None = None) -> None:
        """Send a message; raises OSError once the other end is gone."""
        files = [] if descriptor is None else [(SOL_SOCKET, SCM_RIGHTS, _DESCRIPTOR.pack(descriptor))]
        self._end.sendmsg([marshal.dumps(message)], files, 0x4000)  # MSG_NOSIGNAL

    def receive(self) -> tuple[Message | None, int | None]:
        """The next message with its open file, which is the caller's to close; None at the end."""
        data, files, flags, _ = self._end.recvmsg(LARGEST, 64, 0x40000000)  # MSG_CMSG_CLOEXEC
        if not data:
            return None, None
        if flags & _TRUNCATED:
            raise OSError("a message is too large")
        message: Message = marshal.loads(data)  # noqa: S302 (the other end is ours; json takes 11 ms to load)
        if not files:
            return message, None
        return message, _DESCRIPTOR.unpack(files[0][2])[0]

    def send_task(self, task: Message) -> None:
        """Send what the other side is to do, as a file in memory: it may be larger than any packet."""
        descriptor = os.memfd_create("task")
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(marshal.dumps(task))
            self.send({"kind": "task"}, descriptor)
        finally:
            os.close(descriptor)

    def receive_task(self) -> Message | None:
        """What this side is to do; None where nobody says."""
        _, descriptor = self.receive()
        if descriptor is None:
            return None
        os.lseek(descriptor, 0, os.SEEK_SET)
        with open(descriptor, "rb") as file:
            task: Message = marshal.loads(file.read())  # noqa: S302 (as above)
        return task

    def close(self) -> None:
        """Close this end."""
        self._end.close()


def open_channel() -> tuple[Channel, Channel]:
    """Two connected ends."""
    ends = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)
    for end in ends:
        end.setsockopt(SOL_SOCKET, SO_SNDBUF, _ROOM)
    return Channel(ends[0]), Channel(ends[1])


def adopt_channel(descriptor: int) -> Channel:
    """The end that this process was started with; programs started later do not get it."""
    os.set_inheritable(descriptor, False)  # noqa: FBT003
    return Channel(socket(fileno=descriptor))
