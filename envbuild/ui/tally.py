"""What happened so far, counted from events."""

from __future__ import annotations

from collections import Counter

from envbuild.core.events import (
    ActionFailed,
    ActionFinished,
    BuildStarted,
    Event,
    ResultSource,
    TransferProgress,
)
from envbuild.ui.text import format_size


class Tally:
    """Counts of one command. Not locked: its owner calls it from one thread at a time."""

    def __init__(self) -> None:
        self.actions = 0
        self.failed = 0
        self._sources: Counter[ResultSource] = Counter()
        self._moved: dict[tuple[str, str], int] = {}

    def note(self, event: Event) -> None:
        """Count an event."""
        match event:
            case BuildStarted(actions=actions):
                self.actions += actions
            case ActionFinished(source=source):
                self._sources[source] += 1
            case ActionFailed():
                self.failed += 1
            case TransferProgress(direction, name, done):
                self._moved[direction, name] = done
            case _:
                pass

    @property
    def done(self) -> int:
        """How many actions ended, well or not."""
        return self._sources.total() + self.failed

    def describe(self) -> str:
        """As in `60 executed, 37 cached, 1 failed, 117.2 MB downloaded`; "" where nothing happened."""
        counts = [
            (self._sources[ResultSource.EXECUTED], "executed"),
            (self._sources[ResultSource.LOCAL], "cached"),
            (self._sources[ResultSource.REMOTE], "from the remote cache"),
            (self.failed, "failed"),
        ]
        moved: Counter[str] = Counter()
        for (direction, _), size in self._moved.items():
            moved[direction] += size
        parts = [f"{count} {what}" for count, what in counts if count]
        parts += [f"{format_size(size)} {_PAST.get(way, way)}" for way, size in sorted(moved.items()) if size]
        return ", ".join(parts)


_PAST = {"download": "downloaded", "upload": "uploaded"}
