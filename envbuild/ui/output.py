"""Who listens to a command's events: a console, and the files that the user asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from envbuild.core.dataclass import dataclass
from envbuild.core.events import Broadcast, BuildFinished, EventSink
from envbuild.ui.plain import PlainLines, Warnings
from envbuild.ui.text import allow_color


@dataclass(frozen=True, slots=True)
class Output:
    """What the user asked for: `--events`, `--profile`, `--color`, `--quiet`, `--verbose`."""

    events: Path | None = None
    profile: Path | None = None
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False


@contextmanager
def choose_sinks(output: Output, stream: TextIO, environment: Mapping[str, str]) -> Iterator[EventSink]:
    """A sink for the command's events, while entered; `stream` is where people look.

    Raises UsageError where a file that was asked for cannot be made.
    """
    with ExitStack() as stack:
        sinks: list[EventSink] = []
        if output.events is not None:
            from envbuild.ui.json_lines import JsonLines

            sinks.append(stack.enter_context(JsonLines(output.events)))
        if output.profile is not None:
            from envbuild.ui.trace import Trace

            sinks.append(stack.enter_context(Trace(output.profile)))
        sinks.append(_choose_console(output, stream, environment, stack))
        sink = Broadcast(sinks)
        stack.enter_context(_tell_end(sink))
        yield sink


@contextmanager
def _tell_end(sink: EventSink) -> Iterator[None]:
    """Tells how the command ended, as the last event."""
    began, status = time.monotonic(), "failed"
    try:
        yield
        status = "done"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        sink.emit(BuildFinished(status, time.monotonic() - began))


def _choose_console(
    output: Output, stream: TextIO, environment: Mapping[str, str], stack: ExitStack
) -> EventSink:
    """Plain lines unless there is a terminal that can be drawn on and nobody wants every line."""
    if output.quiet:
        return Warnings(stream)
    if output.verbose or not stream.isatty() or environment.get("TERM") in (None, "", "dumb"):
        return PlainLines(stream, verbose=output.verbose)
    from envbuild.ui.terminal import LiveView

    return stack.enter_context(LiveView(stream, color=allow_color(output.color, stream, environment)))
