"""Starting a sandbox's process on our own terminal: with our streams, and with signals that reach it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from envbuild.execute.sandbox.forker import python_command, python_environment
from envbuild.execute.sandbox.inside.channel import Channel, open_channel
from envbuild.execute.sandbox.inside.forwarding import FORWARDED, KEYS

_PACKAGES: Final = Path(__file__).parents[3]  # the folder that holds `envbuild`


class Started:
    """A process that was started, as a Process (child.py) whose output is nobody's to read."""

    stdout = None

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        self._program = program
        self.pid = program.pid

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end; raises TimeoutError after so many seconds."""
        try:
            self._program.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def kill(self) -> None:
        """End it."""
        self._program.kill()

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        self._program.send_signal(number)


@contextmanager
def start_on_terminal() -> Iterator[tuple[Started, Channel, list[int]]]:
    """A process that begins with our terminal, our end of its channel, and the signals that it waits for."""
    session = _has_terminal()
    signals = (*FORWARDED, *(() if session else KEYS))
    ours, theirs = open_channel()
    # It inherits what is blocked, and so keeps signals until it can pass them on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        process = _start(theirs, own_session=not session)
        restore = _leave_signals_to(process, signals)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    try:
        yield process, ours, list(map(int, signals))
    finally:
        for number, handler in restore.items():
            signal.signal(number, handler)


def _start(end: Channel, *, own_session: bool) -> Started:
    command = python_command("main", "main", end.fileno(), [str(_PACKAGES)])
    return Started(
        subprocess.Popen(
            command, env=python_environment(), pass_fds=[end.fileno()], start_new_session=own_session
        )
    )


def _has_terminal() -> bool:
    """Whether our session has a terminal: Ctrl-C there is a signal to all who are in the foreground."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _leave_signals_to(process: Started, signals: Collection[int]) -> dict[int, Any]:
    """Pass signals on to a child, and ignore other keys; returns the handlers before."""
    handlers: dict[int, Any] = dict.fromkeys(KEYS, signal.SIG_IGN)
    handlers |= dict.fromkeys(signals, lambda number, _: process.signal(number))
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}
