"""Bytecode: what it costs to make, and what a fresh container's first imports take with it and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks.docker_peer import Docker
from benchmarks.findings import MEGABYTES, Finding
from benchmarks.peers import set_up
from benchmarks.rounds import compare
from benchmarks.workshop import AMD64, TARGET, Workshop
from tests.makers.project import Project

IMPORTS: Final = "import sklearn.ensemble, pandas, matplotlib.pyplot, scipy.stats"
_BUILD_FILE: Final = "examples/sklearn/BUILD.yaml"


def measure(workshop: Workshop) -> list[Finding]:
    """Against `docker build` with uv and with pip, both of which compile; then all images start."""
    docker = Docker(workshop.engine())
    uv, pip = (set_up(workshop, docker, name) for name in ("uv-compile", "pip-compile"))
    ours = _compiling(workshop)
    made = compare(
        {
            "envbuild": workshop.on_copies(ours, "build", TARGET, *AMD64),
            "uv": lambda: uv.build("bench:uv", "--no-cache").seconds,
            "pip": lambda: pip.build("bench:pip", "--no-cache").seconds,
        },
        workshop.rounds,
    )
    images = {
        "plain": _load(workshop.built, docker),
        "compiled": _load(ours, docker),
        "uv": "bench:uv",
    }
    started = compare({name: _start(docker, image) for name, image in images.items()}, workshop.rounds)
    work, first = "image with bytecode from an empty action cache", "first imports in a fresh container"
    size, plain = (_size(each) for each in (ours, workshop.built))
    return [
        Finding(work, made["envbuild"], 0, "`docker build` + uv `--compile-bytecode`", made["uv"]),
        Finding(work, made["envbuild"], 0, "`docker build` + pip, which compiles", made["pip"]),
        Finding(first, started["compiled"], 0, "without bytecode", started["plain"]),
        Finding(first, started["compiled"], 0, "its `docker build` + uv image", started["uv"]),
        Finding("image with bytecode, compressed", size, 0, "without", plain, MEGABYTES),
    ]


def _compiling(workshop: Workshop) -> Project:
    """The packages in the store, the base built, and the target asking for bytecode."""
    project = workshop.copy(workshop.fetched)
    stated = (project.root / _BUILD_FILE).read_text()
    return project.write({_BUILD_FILE: stated.replace("    pip:", "    compile: true\n    pip:")})


def _load(project: Project, docker: Docker) -> str:
    there = project.with_variables(DOCKER_HOST=docker.address)
    return str(there.succeed("load", TARGET, *AMD64, "--output", "json").json["image"])


def _start(docker: Docker, image: str) -> Callable[[], float]:
    options = ("--rm", "--network=none", "--entrypoint=/opt/env/bin/python")
    return lambda: docker("run", *options, image, "-c", IMPORTS).seconds


def _size(project: Project) -> float:
    target = project.succeed("build", TARGET, *AMD64, "--no-memo", "--output", "json").target
    return float(sum(layer["size"] for layer in target["platforms"][0]["layers"])) / 1e6
