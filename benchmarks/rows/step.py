"""A step that runs nothing: what the sandbox costs each time, its layers unpacked."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.docker_peer import Docker
from benchmarks.findings import Finding
from benchmarks.rounds import compare
from benchmarks.workshop import Workshop
from tests.makers.roots import Machine, make_busybox

_TIMES = 4  # as often as other rows: each takes milliseconds


def measure(workshop: Workshop) -> list[Finding]:
    """From the action to its layer in the store, against a container of the same root."""
    folder = Path(mkdtemp(dir=workshop.folder))
    docker = Docker(workshop.engine())
    taken = compare(
        {"step": _run_steps(folder), "docker": _run_containers(docker, folder)}, workshop.rounds * _TIMES
    )
    shutil.rmtree(folder)
    work = "a step that does nothing"
    return [
        Finding(work, taken["step"], 0.1),
        Finding(work, taken["step"], 0.0, "`docker run` of the same root", taken["docker"]),
    ]


def _run_steps(folder: Path) -> Callable[[], float]:
    machine, root, numbers = Machine(folder / "cache"), make_busybox(), itertools.count()

    def contend() -> float:
        began = time.perf_counter()
        machine.run([root], "true", environment={"N": str(next(numbers))})
        return time.perf_counter() - began

    return contend


def _run_containers(docker: Docker, folder: Path) -> Callable[[], float]:
    (folder / "root.tar.gz").write_bytes(make_busybox())
    docker("import", "--change", 'CMD ["true"]', str(folder / "root.tar.gz"), "bench:root")
    return lambda: docker("run", "--rm", "--network", "none", "bench:root", "true").seconds
