"""A profile for trace viewers: Chrome's Trace Event Format, JSON object form."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from envbuild.core.errors import UsageError
from envbuild.core.events import ActionFailed, ActionFinished, ActionStarted, Event, Phase

_HINT = "name another file with `--profile`"


class Trace:
    """An EventSink that writes its file when it is left, gzipped if its name ends so.

    An action is a bar; bars that overlap lie on different lanes ("threads"), as few as possible.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        if not path.absolute().parent.is_dir():
            raise UsageError(f"cannot write a profile to `{path}`: no such folder", hint=_HINT)
        self._path = path
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._open: dict[str, tuple[int, float]] = {}  # by action: its lane, and when it started
        self._events: list[dict[str, Any]] = []

    def emit(self, event: Event) -> None:
        """Take an event into the profile."""
        with self._lock:
            now = (self._clock() - self._began) * 1e6  # the format counts in microseconds
            match event:
                case ActionStarted(id=id):
                    self._open[id] = (self._free_lane(), now)
                case ActionFinished(id, mnemonic, subject, source):
                    self._close(id, now, mnemonic, subject, source.value)
                case ActionFailed(id, mnemonic, subject):
                    self._close(id, now, mnemonic, subject, "failed")
                case Phase(name, subject):
                    self._add(f"{name} {subject}".strip(), "phase", ph="i", ts=now, tid=0, s="g")
                case _:
                    pass

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the file; raises UsageError if that fails and all else went well."""
        document = {"displayTimeUnit": "ms", "traceEvents": self._events}
        try:
            self._path.write_bytes(_pack(json.dumps(document).encode(), self._path))
        except OSError as fault:
            if error is None:
                message = f"cannot write a profile to `{self._path}`: {fault.strerror}"
                raise UsageError(message, hint=_HINT) from fault

    def _free_lane(self) -> int:
        taken = {lane for lane, _ in self._open.values()}
        return next(lane for lane in range(1, len(taken) + 2) if lane not in taken)

    def _close(self, name: str, now: float, mnemonic: str, subject: str, how: str) -> None:
        lane, began = self._open.pop(name, (1, now))
        title = f"{mnemonic} {subject}".strip()
        self._add(
            title, mnemonic, ph="X", ts=began, dur=now - began, tid=lane, args={"id": name, "result": how}
        )

    def _add(self, name: str, category: str, **rest: Any) -> None:
        self._events.append({"name": name, "cat": category, "pid": 1, **rest})


def _pack(data: bytes, path: Path) -> bytes:
    import gzip

    return gzip.compress(data, mtime=0) if path.suffix == ".gz" else data
