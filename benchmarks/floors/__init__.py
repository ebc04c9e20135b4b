"""Floors: the work that nobody can leave out, each a program of its own with nothing around it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.clock import run

FOLDER = Path(__file__).parent


def run_floor(name: str, packages: Path, folder: Path) -> float:
    """Seconds of `name` on a folder of packages, with as many workers as there are cores."""
    out = Path(tempfile.mkdtemp(dir=folder))
    workers = str(len(os.sched_getaffinity(0)))
    command = [sys.executable, str(FOLDER / name), str(packages), str(out), workers]
    seconds = run(command, {}, folder).seconds
    shutil.rmtree(out)
    return seconds
