"""One command, timed from outside: what a user waits for, the start of Python included."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True, slots=True)
class Ran:
    """How long a command took, the most memory that its process held, in bytes, and what it printed."""

    seconds: float
    peak: int
    output: str


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ran:
    """Run a command that must succeed; raises RuntimeError with what it said.

    Its output goes to files: a pipe would make it wait for a reader.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as diagnostics:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=diagnostics
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said = _read(diagnostics)[-2000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
        return Ran(seconds, usage.ru_maxrss << 10, _read(output))


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
