"""How long servers are waited for, and how often they are asked again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import UsageError

_TIMEOUT: Final = "ENVBUILD_HTTP_TIMEOUT"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to try; times in seconds.

    `read` is the longest silence of a server, `whole` the longest time that a document may take; what is
    downloaded may take any. `pause` doubles with each try; a server's Retry-After
    counts instead, up to `longest_pause`.
    """

    connect: float = 10.0
    read: float = 60.0
    whole: float = 300.0
    attempts: int = 3
    pause: float = 0.3
    longest_pause: float = 20.0

    @classmethod
    def stated(cls, environment: Mapping[str, str]) -> Patience:
        """The usual patience, or that which `ENVBUILD_HTTP_TIMEOUT` asks for; raises UsageError."""
        text = environment.get(_TIMEOUT, "")
        if not text:
            return cls()
        seconds = float(text) if text.replace(".", "", 1).isdecimal() and text.isascii() else 0.0
        if not 0 < seconds < 1e6:
            raise UsageError(f"`{_TIMEOUT}` is no number of seconds: `{text}`", hint=f"set `{_TIMEOUT}=60`")
        usual = cls()
        return cls(connect=min(usual.connect, seconds), read=seconds, whole=max(usual.whole, seconds))

    def pause_after(self, attempt: int, retry_after: str = "") -> float:
        """How long to wait after a failed attempt, counted from 1: what the server asks for, or what fits."""
        asked = _seconds(retry_after) if retry_after else None
        pause = self.pause * 2 ** (attempt - 1) if asked is None else asked
        return max(0.0, min(pause, self.longest_pause))


# For what is asked only to tell of it: who is offline shall not wait.
HASTY: Final = Patience(connect=2, read=5, whole=10, attempts=1)


def _seconds(retry_after: str) -> float | None:
    """Retry-After (RFC 9110, 10.2.3): seconds, or a date; None where it is neither."""
    from email.utils import parsedate_to_datetime

    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
