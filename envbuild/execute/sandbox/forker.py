"""The process of ours that forks children of sandboxes, started once for all of them."""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, BinaryIO, Final

from envbuild.execute.sandbox.inside.channel import Channel, open_channel

_PROGRAM: Final = (
    "import sys; sys.path[:0] = sys.argv[2:]; "
    "from envbuild.execute.sandbox.inside.{0} import {1}; {1}(int(sys.argv[1]))"
)


def start_python(
    module: str, function: str, end: Channel, packages: Iterable[str], **more: Any
) -> subprocess.Popen[bytes]:
    """A process that calls a function of `inside/` with this end of a channel, and finds `packages` alone.

    It has of our environment only what Python itself may need; `more` is Popen's.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROGRAM.format(module, function), str(end.fileno()), *packages],
        env={name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
        pass_fds=[end.fileno()],
        **more,
    )


class Forked:
    """A forked child: what a Popen is to a program that was started."""

    def __init__(self, process: int, watched: int, output: int) -> None:
        self.pid = process
        self.stdout: BinaryIO = os.fdopen(output, "rb", buffering=0)
        self._watched = watched

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end; raises TimeoutExpired after so many seconds."""
        poll = select.poll()
        poll.register(self._watched, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("sandbox", timeout or 0)

    def kill(self) -> None:
        """End it, if it has not ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._watched, signal.SIGKILL)

    def close(self) -> None:
        """Let go of it."""
        self.stdout.close()
        os.close(self._watched)


class Forker:
    """Starts its process when that is first needed, and again if it was killed. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
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
            if self._channel is not None and self._process is not None:
                self._channel.close()
                self._process.wait()
                self._channel = self._process = None

    def _reach(self) -> Channel:
        if self._channel is None or self._process is None or self._process.poll() is not None:
            self._channel, theirs = open_channel()
            everything = (path for path in sys.path if path)
            self._process = start_python(
                "forking", "serve", theirs, everything, stdin=subprocess.DEVNULL, start_new_session=True
            )
            theirs.close()
        return self._channel


FORKER: Final = Forker()
atexit.register(FORKER.stop)
