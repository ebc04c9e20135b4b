"""Nothing to do, and next to nothing: `build` and `build --push` again, and `version`."""

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
    """Against a Python that does nothing, and against docker with everything cached and pushed."""
    project = workshop.built
    docker = Docker(workshop.engine())
    recipe = set_up(workshop, docker, "uv")
    with workshop.registry() as registry:
        push, tag = ("build", TARGET, "--push", "--registry", f"{registry}/ours"), f"{registry}/theirs"
        taken = compare(
            {
                "python": lambda: run([PYTHON, "-c", "pass"], project.environment, project.root).seconds,
                "build": lambda: workshop.timed(project, "build", TARGET).seconds,
                "docker": lambda: recipe.build(tag).seconds,
                "push": lambda: workshop.timed(project, *push).seconds,
                "docker push": lambda: recipe.build(tag).seconds + docker("push", "--quiet", tag).seconds,
                "version": lambda: workshop.timed(project, "version").seconds,
            },
            workshop.rounds * _TIMES,
        )
    noop, both = (
        partial(Finding, "no-op `build`", taken["build"]),
        "`docker build`, `docker push`, all cached",
    )
    return [
        noop(3, "`python -c pass`", taken["python"]),
        noop(0.5, "`docker build`, all cached", taken["docker"]),
        Finding("no-op `build --push`", taken["push"], 1, both, taken["docker push"]),
        Finding("`envbuild version`", taken["version"], 0.08),
    ]
