"""Lines for logs and pipes: what took time, and what went wrong."""

from __future__ import annotations

import threading
from typing import TextIO

from envbuild.core.events import (
    ActionFailed,
    ActionFinished,
    ActionOutput,
    Event,
    Note,
    Phase,
    ResultSource,
    TransferProgress,
)
from envbuild.ui.text import format_size, one_line, printable

# Below these, an action or a transfer is no news.
_SECONDS = 0.5
_BYTES = 10_000_000


class PlainLines:
    """An EventSink that writes lines; `verbose` names every action, also the cached ones."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._verbose = verbose
        self._headings = Headings()
        self._lock = threading.Lock()
        self._gone = False

    def emit(self, event: Event) -> None:
        """Write a line, if the event is worth one."""
        with self._lock:
            line = self._line(event)
            if line and not self._gone:
                self._write(self._headings.above(event) + line)

    def _line(self, event: Event) -> str:
        match event:
            case ActionFinished():
                return self._finished(event)
            case TransferProgress():
                return self._moved(event)
            case _:
                return describe(event)

    def _finished(self, event: ActionFinished) -> str:
        executed = event.source is ResultSource.EXECUTED
        if not self._verbose and not (executed and event.seconds >= _SECONDS):
            return ""
        how = f"{event.seconds:.1f} s" if executed else event.source.value
        how += ", unchanged" if event.unchanged else ""
        return one_line(f"{event.mnemonic} {event.subject} ({how})")

    def _moved(self, event: TransferProgress) -> str:
        whole = event.total and event.done == event.total
        if not whole or not (self._verbose or event.total >= _BYTES):
            return ""
        return one_line(f"{event.direction} {event.name} ({format_size(event.total)})")

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # the reader of the pipe is gone: the build is worth finishing
            self._gone = True


class Warnings:
    """An EventSink for `--quiet`: warnings only."""

    def __init__(self, stream: TextIO) -> None:
        self._lines = PlainLines(stream)

    def emit(self, event: Event) -> None:
        """Write warnings."""
        if isinstance(event, Note) and event.level == "warning":
            self._lines.emit(event)


class Headings:
    """Whose output was told last. An action's name stands above its output, once for all in one go."""

    def __init__(self) -> None:
        self._speaking = ""

    def above(self, event: Event) -> str:
        """What to tell before an event that is told now: a line, or ""."""
        before, self._speaking = self._speaking, ""
        if not isinstance(event, ActionOutput):
            return ""
        self._speaking = event.id
        return "" if event.id == before else f"{one_line(event.subject)}\n"


def describe(event: Event) -> str:
    """The line for an event that every console tells; "" for all others."""
    match event:
        case Phase(name, subject):
            return one_line(f"{name} {subject}".strip())
        case Note(level, message):
            return printable(f"{'warning' if level == 'warning' else 'note'}: {message}")
        case ActionOutput(line=line):
            return f"  | {one_line(line.expandtabs())}"
        case ActionFailed(mnemonic=mnemonic, subject=subject):
            return one_line(f"failed: {mnemonic} {subject}")
        case _:
            return ""
