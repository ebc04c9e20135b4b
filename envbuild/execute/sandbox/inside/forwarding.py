"""Passing on the signals that are meant for a program in a terminal's sandbox."""

from __future__ import annotations

import os
import signal
from typing import Final

# A terminal sends INT, QUIT, TSTP and WINCH to the program itself: it is in the foreground, too.
_FORWARDED: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)


def hold_signals() -> None:
    """Keep the signals until it is known whom they are for; processes that are forked keep theirs, too."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)


def release_signals() -> None:
    """Take what was kept, and what comes."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)


def forward_signals(process: int) -> None:
    """From now on, pass signals on to another process, those that were kept first."""
    for number in _FORWARDED:
        signal.signal(number, lambda received, _: _pass_on(process, received))
    release_signals()


def _pass_on(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:  # it has just ended
        return
