"""Passing on the signals that are meant for a program in a terminal's sandbox."""

from __future__ import annotations

import os
import signal
from typing import Final

# A terminal sends INT, QUIT, TSTP and WINCH to the program itself: it is in the foreground, too.
_FORWARDED: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)


def forward_signals(process: int) -> None:
    """From now on, pass signals on to another process."""
    for number in _FORWARDED:
        signal.signal(number, lambda received, _: _pass_on(process, received))


def _pass_on(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:  # it has just ended
        return
