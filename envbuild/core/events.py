"""What a build tells while it runs: typed events, and the protocol of whoever listens.

Events hold no secrets: whoever emits one has redacted it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from envbuild.core.dataclass import dataclass


class ResultSource(str, Enum):
    """Where an action's result came from."""

    EXECUTED = "executed"
    LOCAL = "local"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class BuildStarted:
    """The graph is known: `actions` counts what must be looked up or executed."""

    targets: tuple[str, ...]
    actions: int


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """An action left the queue."""

    id: str
    mnemonic: str
    subject: str


@dataclass(frozen=True, slots=True)
class ActionFinished:
    """An action has a result; `seconds` is wall time from its start.

    `unchanged` says that it ran, and made nothing that was not there before; `impure` that it has the
    network, and may make something else each time.
    """

    id: str
    mnemonic: str
    subject: str
    source: ResultSource
    seconds: float
    unchanged: bool = False
    impure: bool = False


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """An action has no result."""

    id: str
    mnemonic: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class ActionOutput:
    """A running action's program wrote a line; it may hold anything but the values of secrets."""

    id: str
    mnemonic: str
    subject: str
    line: str


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """Bytes moved so far of one download or upload; `total` is 0 where unknown."""

    direction: str
    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A step of the command began ("resolving", "asking the registry", ...)."""

    name: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a user may want to know; `level` is "info" or "warning"."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class BuildFinished:
    """The command is done; `status` is "done", "failed" or "interrupted"."""

    status: str
    seconds: float


Event = (
    BuildStarted
    | ActionStarted
    | ActionFinished
    | ActionFailed
    | ActionOutput
    | TransferProgress
    | Phase
    | Note
    | BuildFinished
)


class EventSink(Protocol):
    """Receives events; called from several threads, returns fast, never raises."""

    def emit(self, event: Event) -> None:
        """Take one event."""


class Silent:
    """A sink that keeps nothing."""

    def emit(self, event: Event) -> None:
        """Drop the event."""


class Broadcast:
    """A sink that passes each event on to several, in order."""

    def __init__(self, sinks: Sequence[EventSink]) -> None:
        self._sinks = tuple(sinks)

    def emit(self, event: Event) -> None:
        """Pass the event on."""
        for sink in self._sinks:
            sink.emit(event)
