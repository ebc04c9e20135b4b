"""Nothing to do, and next to nothing: `build` again, and `version`."""

from __future__ import annotations

from functools import partial

from benchmarks.clock import run
from benchmarks.docker_peer import Docker
from benchmarks.findings import Finding
from benchmarks.peers import set_up
from benchmarks.rounds import compare
from benchmarks.workshop import PYTHON, TARGET, Workshop

_TIMES = 4  # as often as other rows: each takes milliseconds


def measure(workshop: Workshop) -> list[Finding]:
    """Against a Python that does nothing, and against `docker build` with everything cached."""
    project = workshop.built
    recipe = set_up(workshop, Docker(workshop.engine()), "uv")
    taken = compare(
        {
            "python": lambda: run([PYTHON, "-c", "pass"], project.environment, project.root).seconds,
            "build": lambda: workshop.timed(project, "build", TARGET).seconds,
            "docker": lambda: recipe.build("bench:uv").seconds,
            "version": lambda: workshop.timed(project, "version").seconds,
        },
        workshop.rounds * _TIMES,
    )
    noop = partial(Finding, "no-op `build`", taken["build"])
    return [
        noop(3, "`python -c pass`", taken["python"]),
        noop(0.5, "`docker build`, all cached", taken["docker"]),
        Finding("`envbuild version`", taken["version"], 0.08),
    ]
