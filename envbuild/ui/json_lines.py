"""Events for programs: a JSON object a line (docs/events.md)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from envbuild.core.dataclass import asdict
from envbuild.core.errors import ServiceError, UsageError
from envbuild.core.events import Event
from envbuild.core.pattern import compile_later

_HUMP = compile_later(r"(?<=[a-z])(?=[A-Z])")


class JsonLines:
    """An EventSink that writes to a file; `time` counts seconds from its opening."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write events to `{path}`: {error.strerror}", hint="name another file with `--events`"
            ) from error
        self._path = path
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._error: OSError | None = None

    def emit(self, event: Event) -> None:
        """Write a line, at once, so that a program can follow; after an error, nothing more."""
        with self._lock:
            if self._error is not None:
                return
            line = json.dumps(to_json(event, self._clock() - self._began))
            try:
                self._file.write(line + "\n")
                self._file.flush()
            except OSError as error:
                self._error = error

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; raises ServiceError if not all could be written and all else went well."""
        try:
            self._file.close()
        except OSError as fault:
            self._error = fault
        if self._error is not None and error is None:
            raise ServiceError(
                f"cannot write events to `{self._path}`: {self._error.strerror}",
                hint="name another file with `--events`",
            )


def to_json(event: Event, seconds: float) -> dict[str, Any]:
    """The object for an event at `seconds`."""
    return {"event": event_name(type(event)), "time": round(seconds, 6), **asdict(event)}


def event_name(kind: type[Event]) -> str:
    """What a kind of event is called: `action_finished` for ActionFinished."""
    return _HUMP.sub("_", kind.__name__).lower()
