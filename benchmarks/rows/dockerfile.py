"""A Dockerfile of ten steps: nothing changed, the last step's file, the first one's, with `docker build`."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.docker_peer import Docker
from benchmarks.findings import Finding
from benchmarks.rounds import compare
from benchmarks.workshop import Workshop
from tests.makers.corpus import BASE, run_base
from tests.makers.project import Project

_STEPS = 5  # of COPY and RUN each
_CHANGES = {
    "nothing changed": "",
    "its last step changed": f"file-{_STEPS - 1}",
    "its first step changed": "file-0",
}


def measure(workshop: Workshop) -> list[Finding]:
    """Both have built it before, and their caches hold every step."""
    folder = Path(mkdtemp(dir=workshop.folder))
    docker, findings = Docker(workshop.engine()), []
    with run_base(folder) as project:
        _write(project)
        loader = project.with_variables(DOCKER_HOST=docker.address)
        docker("tag", loader.succeed("load", ":base", "--output", "json").json["image"], "base:latest")
        command = ("build", "--network=none", "--quiet", str(project.root / "context"))
        for work, changed in _CHANGES.items():
            ours = _changing(project, changed, lambda: workshop.timed(project, "build", ":app").seconds)
            theirs = _changing(project, changed, lambda: docker(*command).seconds)
            taken = compare({"envbuild": ours, "docker": theirs}, workshop.rounds)
            name = f"a Dockerfile of {2 * _STEPS} steps, {work}"
            findings.append(Finding(name, taken["envbuild"], 0.0, "`docker build`", taken["docker"]))
    shutil.rmtree(folder)
    return findings


def _write(project: Project) -> None:
    """Each step copies a file, or reads the one before."""
    steps = [f"COPY file-{n} /srv/\nRUN cat /srv/file-* > /srv/sum-{n}\n" for n in range(_STEPS)]
    files = {f"context/file-{n}": f"{n}\n" for n in range(_STEPS)}
    stated = "name: app, dockerfile: context/Dockerfile, context: context, contexts: {base: ':base'}"
    image = f"- dockerfile_image: {{{stated}}}\n"
    project.write({**files, "context/Dockerfile": f"FROM base\n{''.join(steps)}", "BUILD.yaml": BASE + image})


def _changing(project: Project, name: str, contend: Callable[[], float]) -> Callable[[], float]:
    """A contender before which a file is given contents that nobody has seen."""
    numbers = itertools.count()

    def run() -> float:
        if name:
            (project.root / "context" / name).write_text(f"{contend} {next(numbers)}\n")
        return contend()

    return run
