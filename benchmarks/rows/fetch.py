"""57 wheels from an index that is 50 ms away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.clock import run
from benchmarks.findings import Finding
from benchmarks.floors import FOLDER
from benchmarks.index import LATENCY, serve_index
from benchmarks.rounds import compare
from benchmarks.workshop import PYTHON, TARGET, Workshop


def measure(workshop: Workshop) -> list[Finding]:
    """By a lock without hosts, against a download from addresses that are known."""
    with serve_index(workshop.index, LATENCY) as url:
        taken = compare({"ours": _fetch(workshop, url), "bare": _download(workshop, url)}, workshop.rounds)
    work = "fetch of 57 wheels, 50 ms away"
    return [Finding(work, taken["ours"], 1.3, "bare parallel download", taken["bare"])]


def _fetch(workshop: Workshop, url: str) -> Callable[[], float]:
    def contend() -> float:
        project = workshop.empty().with_variables(UV_DEFAULT_INDEX=f"{url}/simple")
        command = [PYTHON, str(FOLDER / "fetch.py"), TARGET, str(project.cache)]
        seconds = run(command, project.environment, project.root).seconds
        shutil.rmtree(project.top)
        return seconds

    return contend


def _download(workshop: Workshop, url: str) -> Callable[[], float]:
    wheels = workshop.artifacts("wheel", "examples/sklearn/train")
    largest_first = sorted(wheels, key=lambda each: -each["size"])
    lines = [f"{url}/files/{each['file']} {each['sha256']}\n" for each in largest_first]

    def contend() -> float:
        out = Path(tempfile.mkdtemp(dir=workshop.folder))
        (out / "list").write_text("".join(lines))
        seconds = run([PYTHON, str(FOLDER / "download.py"), str(out)], {}, out).seconds
        shutil.rmtree(out)
        return seconds

    return contend
