"""Other processes, and other users, for tests of what several of them share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_NOBODY = 65534


def run_python(
    script: str, *arguments: object, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter, to its end; `before` is what comes before the interpreter."""
    command = [*before, sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def start_python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a script in a fresh interpreter, with pipes."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@dataclass(frozen=True)
class Process:
    """A process as other users of the machine see it, and the environment that it was given."""

    command: str
    environment: Mapping[str, str]


def processes_of_session(leader: int) -> list[Process]:
    """All processes that run now in the session of a process (proc(5))."""
    numbers = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [_look(path) for path in numbers if _session(path) == leader]


def _session(path: Path) -> int:
    try:
        return os.getsid(int(path.name))
    except ProcessLookupError:
        return 0


def _look(path: Path) -> Process:
    command = (path / "cmdline").read_text("utf-8", "replace").replace("\0", " ")
    variables = (path / "environ").read_text("utf-8", "replace").split("\0")
    return Process(command, dict(each.split("=", 1) for each in variables if "=" in each))


def close_folders(root: Path) -> None:
    """Take away the right to write into `root` and into all folders and files below it."""
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def become_nobody() -> None:
    """Go on as a user whom modes bind; to be called after all imports, which may need more."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
