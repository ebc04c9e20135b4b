"""What every command may be told, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """The options that every command takes. `registry` "" means the workspace's own."""

    workspace: Path | None
    cache_dir: Path
    registry: str
    output: str
    events: Path | None
    profile: Path | None
    color: str
    quiet: bool
    verbose: bool
