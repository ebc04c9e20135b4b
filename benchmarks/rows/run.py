"""A program in an environment that is there: from the command line to its end."""

from __future__ import annotations

from functools import partial

from benchmarks.docker_peer import Docker
from benchmarks.findings import Finding
from benchmarks.rounds import compare
from benchmarks.workshop import TARGET, Workshop

_PROGRAM = ("python", "-c", "pass")


def measure(workshop: Workshop) -> list[Finding]:
    """In the sandbox and in a container, against `docker run` of the same image."""
    address = workshop.engine()
    docker, project = Docker(address), workshop.built.with_variables(DOCKER_HOST=address)
    run = ("run", "--entrypoint", "", TARGET, "--", *_PROGRAM)
    project.succeed("load", TARGET)
    theirs = ("run", "--rm", "--network=none", "--entrypoint", _PROGRAM[0], workshop.image, *_PROGRAM[1:])
    taken = compare(
        {
            "sandbox": lambda: workshop.timed(project, *run).seconds,
            "docker": lambda: docker(*theirs).seconds,
            "engine": lambda: workshop.timed(project, "run", "--engine", "docker", *run[1:]).seconds,
        },
        workshop.rounds,
    )
    against = partial(Finding, peer="`docker run`", theirs=taken["docker"])
    return [
        against("`python -c pass` by `envbuild run`", taken["sandbox"], 1),
        against("`python -c pass` by `envbuild run --engine docker`", taken["engine"]),
    ]
