"""Which files and folders were looked at: what the no-op memo must see unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Recorder(Protocol):
    """Learns of every file and folder before it is looked at."""

    def record(self, path: Path) -> None:
        """Note an absolute path, whether there is something or not; called again for one path is fine."""

    def record_hashed(self, path: Path) -> None:
        """The same where nothing is taken but what it is (a file, a folder, its mode) and its digest."""


class Unrecorded:
    """A recorder that keeps nothing."""

    def record(self, path: Path) -> None:
        """Drop the path."""

    def record_hashed(self, path: Path) -> None:
        """Drop the path."""
