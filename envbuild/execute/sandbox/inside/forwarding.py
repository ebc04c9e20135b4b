"""Passing on the signals that are meant for a program in a terminal's sandbox."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import Final

FORWARDED: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
# A terminal sends these, as TSTP and WINCH, to the program itself: it is in the foreground, too.
KEYS: Final = (signal.SIGINT, signal.SIGQUIT)


def release_signals(numbers: Iterable[int]) -> None:
    """Take the signals that were blocked when this process began, and what comes."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def forward_signals(numbers: Iterable[int], process: int) -> None:
    """From now on, pass signals on to another process, those that were kept first."""
    for number in numbers:
        signal.signal(number, lambda received, _: _pass_on(process, received))
    release_signals(numbers)


def _pass_on(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:  # it has just ended
        return
