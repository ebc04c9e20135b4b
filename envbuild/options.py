"""What every command may be told, as a value."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass

SANDBOX: Final = "sandbox"
DOCKER: Final = "docker"
EXECUTORS: Final = (SANDBOX, DOCKER)
"""What steps can run in."""


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


@dataclass(frozen=True, slots=True)
class StepOptions:
    """What a command is told of steps that run programs; None leaves it to the workspace.

    `secrets` say by name where values are, as `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`.
    """

    executor: str | None = None
    seconds: int | None = None
    memory: int | None = None
    processes: int | None = None
    secrets: tuple[str, ...] = ()
    keep_failed: bool = False


UNSTATED = StepOptions()
