"""What a container writes, and how it ends, read by a thread of its own: who asks can be interrupted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

_AHEAD: Final = 64  # pieces that may wait; a program writes faster than lines can be told
_POLL: Final = 0.05  # seconds between looks at whether anybody still wants them


class Output:
    """The pieces of a `stream`, then what `wait` gives: the exit code."""

    def __init__(self, stream: Iterable[bytes], wait: Callable[[], int]) -> None:
        self._stream = stream
        self._wait = wait
        self._found: queue.Queue[bytes | int | Exception] = queue.Queue(_AHEAD)
        self._left = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def follow(self, check: Callable[[], None], output: Callable[[bytes], object]) -> int:
        """Hand on all pieces; returns the exit code. Raises what `check`, `output` and the engine do."""
        try:
            while True:
                check()
                with suppress(queue.Empty):
                    found = self._found.get(timeout=_POLL)
                    if isinstance(found, int):
                        return found
                    if isinstance(found, Exception):
                        raise found
                    output(found)
        finally:
            self._left.set()

    def _read(self) -> None:
        try:
            for piece in self._stream:
                self._hand_on(piece)
            self._hand_on(self._wait())
        except Exception as error:  # noqa: BLE001 (it is raised where it is waited for)
            self._hand_on(error)

    def _hand_on(self, found: bytes | int | Exception) -> None:
        """Wait for room; what nobody wants any more is dropped.

        It must be read all the same: an engine removes no container whose output waits to be sent.
        """
        while not self._left.is_set():
            with suppress(queue.Full):
                self._found.put(found, timeout=_POLL)
                return
