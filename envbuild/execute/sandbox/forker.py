"""The process of ours that forks children of sandboxes, started once for all of them."""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
from _thread import allocate_lock

from envbuild.execute.sandbox.inside.channel import Channel, open_channel

TYPE_CHECKING = False  # typing takes long to load, and this is to begin first of all
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO, Final

_PROGRAM: Final = (
    "import sys; sys.path[:0] = sys.argv[2:]; "
    "from envbuild.execute.sandbox.inside.{0} import {1}; {1}(int(sys.argv[1]))"
)
_THEIRS: Final = 3  # the number that the process knows its end of the channel by


def python_command(module: str, function: str, end: int, packages: Iterable[str]) -> list[str]:
    """What calls a function of `inside/` with a channel's end of this number, and finds `packages` alone."""
    return [sys.executable, "-I", "-S", "-c", _PROGRAM.format(module, function), str(end), *packages]


def python_environment() -> dict[str, str]:
    """What such a process has of our environment: only what Python itself may need."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


class Forked:
    """A forked child: what a Popen is to a program that was started."""

    def __init__(self, process: int, watched: int, output: int) -> None:
        self.pid = process
        self.stdout: BinaryIO = os.fdopen(output, "rb", buffering=0)
        self._watched = watched

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end; raises TimeoutError after so many seconds."""
        poll = select.poll()
        poll.register(self._watched, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            raise TimeoutError

    def kill(self) -> None:
        """End it, if it has not ended."""
        try:
            signal.pidfd_send_signal(self._watched, signal.SIGKILL)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Let go of it."""
        self.stdout.close()
        os.close(self._watched)


class Forker:
    """Starts its process when that is first needed, and again if it was killed. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._process = 0
        self._channel: Channel | None = None

    def prepare(self) -> None:
        """Have the process load what unpacking takes, while others do something else."""
        with self._lock:
            self._reach().send({"unpacking": True})

    def fork(self, end: Channel, *, unpacking: bool) -> Forked:
        """A child that has this end of a channel. Raises OSError where it cannot be made."""
        output, written = os.pipe()
        try:
            with self._lock:
                channel = self._reach()
                channel.send({"unpacking": unpacking}, end.fileno())
                channel.send({}, written)
                message, watched = channel.receive()
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(written)
        if message is None or watched is None:
            os.close(output)
            raise ChildProcessError("the process that forks sandboxes has ended")
        return Forked(message["process"], watched, output)

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                os.kill(self._process, signal.SIGKILL)  # it may still be loading what nobody needed
                os.waitpid(self._process, 0)
                self._channel = None

    def _reach(self) -> Channel:
        if self._channel is None or self._has_ended():
            self._channel, theirs = open_channel()
            self._process = _spawn(theirs)
            theirs.close()
        return self._channel

    def _has_ended(self) -> bool:
        return os.waitpid(self._process, os.WNOHANG) != (0, 0)


def _spawn(end: Channel) -> int:
    """Start the process, in a session of its own; subprocess would take longer to load than this takes."""
    command = python_command("forking", "serve", _THEIRS, (path for path in sys.path if path))
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, end.fileno(), _THEIRS),
    ]
    usual = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores
    return os.posix_spawn(
        sys.executable, command, python_environment(), file_actions=streams, setsid=True, setsigdef=usual
    )


FORKER: Final = Forker()
atexit.register(FORKER.stop)
