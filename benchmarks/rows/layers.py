"""An image from an empty action cache, the packages fetched and the base built."""

from __future__ import annotations

from benchmarks.docker_peer import Docker
from benchmarks.findings import Finding
from benchmarks.floors import run_floor
from benchmarks.peers import set_up
from benchmarks.rounds import compare
from benchmarks.workshop import TARGET, Workshop

WORK = "image from an empty action cache"


def measure(workshop: Workshop) -> list[Finding]:
    """Against the raw floor, and against `docker build` with uv and with pip."""
    docker = Docker(workshop.engine())
    uv, pip = (set_up(workshop, docker, name) for name in ("uv", "pip"))
    taken = compare(
        {
            "envbuild": workshop.on_copies(workshop.fetched, "build", TARGET),
            "floor": lambda: run_floor("layers.py", workshop.wheels, workshop.folder),
            "uv": lambda: uv.build("bench:uv", "--no-cache").seconds,
            "pip": lambda: pip.build("bench:pip", "--no-cache").seconds,
        },
        workshop.rounds,
    )
    ours = taken["envbuild"]
    return [
        Finding(WORK, ours, 1.3, "raw floor: inflate, two sha256, write", taken["floor"]),
        Finding(WORK, ours, 1 / 5, "`docker build` + uv, its cache warm", taken["uv"]),
        Finding(WORK, ours, 0, "`docker build` + pip", taken["pip"]),
    ]
