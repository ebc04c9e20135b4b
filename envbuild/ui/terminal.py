"""The live view of a terminal: what runs now, how far it is, what is on its way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from envbuild.core.events import (
    ActionFailed,
    ActionFinished,
    ActionStarted,
    Event,
    TransferProgress,
)
from envbuild.ui.plain import Headings, describe
from envbuild.ui.tally import Tally
from envbuild.ui.text import format_size, one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

_ROWS = 8  # running actions shown; transfers get half as many
_PATIENCE = 0.1  # seconds that an action must run to be shown: cache hits would only flicker
_BAR = 24  # columns, where there are so many: what stands beside it takes up to _BESIDE
_BESIDE = 56
_STYLES = {"failed": "red", "warning": "yellow"}  # by the first word of a line


class LiveView:
    """An EventSink that draws on a terminal while it is entered, and leaves a line behind.

    Failures, warnings and phases stay above the live part.
    """

    def __init__(self, stream: TextIO, *, color: bool, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=stream, no_color=not color, highlight=False, markup=False, emoji=False)
        self._clock = clock
        self._began = clock()
        self._tally = Tally()
        self._running: dict[str, tuple[float, str]] = {}
        self._moving: dict[tuple[str, str], TransferProgress] = {}
        self._headings = Headings()
        self._lock = threading.Lock()
        self._telling = threading.Lock()  # not the one above: who draws has the console's, and waits for that
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=10,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the live part."""
        self._live.stop()

    def emit(self, event: Event) -> None:
        """Take an event into the picture."""
        with self._lock:
            self._tally.note(event)
            self._follow(event)
        if line := describe(event):
            style = _STYLES.get(line.partition(":")[0], "dim")
            with self._telling:
                self._console.print(self._headings.above(event) + line, style=style, soft_wrap=True)

    def _follow(self, event: Event) -> None:
        match event:
            case ActionStarted(id, mnemonic, subject):
                self._running[id] = (self._clock(), one_line(f"{mnemonic} {subject}"))
            case ActionFinished(id=id) | ActionFailed(id=id):
                self._running.pop(id, None)
            case TransferProgress(direction, name, done, total):
                self._moving[direction, name] = event
                if total and done >= total:
                    del self._moving[direction, name]
            case _:
                pass

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            now = self._clock()
            lines = [Text(line, style, no_wrap=True, overflow="ellipsis") for line, style in self._lines(now)]
        return Group(*lines)

    def _lines(self, now: float) -> list[tuple[str, str]]:
        shown = [(began, what) for began, what in self._running.values() if now - began >= _PATIENCE]
        rows = [(f"  {now - began:5.1f} s  {what}", "") for began, what in sorted(shown)[:_ROWS]]
        if len(shown) > _ROWS:
            rows.append((f"           and {len(shown) - _ROWS} more", "dim"))
        moving = list(self._moving.values())[: _ROWS // 2]
        rows.extend((f"  {_transfer(event)}", "cyan") for event in moving)
        return [(self._status(now), "bold"), *rows]

    def _status(self, now: float) -> str:
        seconds = f"{now - self._began:.1f} s"
        total, done = self._tally.actions, self._tally.done
        if not total:
            return seconds
        columns = max(_BAR // 6, min(_BAR, self._console.width - _BESIDE))
        filled = columns * done // total
        bar = "━" * filled + "─" * (columns - filled)
        return "  ".join(filter(None, [f"{bar} {done}/{total}", seconds, self._tally.describe()]))


def _transfer(event: TransferProgress) -> str:
    of = f" of {format_size(event.total)}" if event.total else ""
    return one_line(f"{event.direction} {event.name}: {format_size(event.done)}{of}")
