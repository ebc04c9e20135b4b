"""Nine requirements become 57 pins."""

from __future__ import annotations

import json
import shutil

from uv import find_uv_bin

from benchmarks.clock import run
from benchmarks.findings import Finding
from benchmarks.index import LATENCY, serve_index
from benchmarks.rounds import compare
from benchmarks.workshop import Workshop
from tests.makers.project import Project, environment

LABEL = "//nine"
_TARGET = [
    "--python-version",
    "3.11.2",
    "--python-platform",
    "x86_64-manylinux_2_36",
    "--only-binary",
    ":all:",
]


def measure(workshop: Workshop) -> list[Finding]:
    """Against `uv pip compile --generate-hashes`: caches are warm, and the index is asked anew."""
    with serve_index(workshop.index, LATENCY) as url:
        project = _write_target(workshop.empty().with_variables(UV_DEFAULT_INDEX=f"{url}/simple"))
        taken = compare(
            {
                "lock": lambda: workshop.timed(project, "lock", "--upgrade", LABEL).seconds,
                "new": lambda: _lock_anew(workshop, project),
                "uv": lambda: _compile(project),
            },
            workshop.rounds,
        )
        pinned = json.loads((project.root / "nine/nine.lock.json").read_bytes())["platforms"]["linux/amd64"]
        assert len(pinned["artifacts"]) == len(list(workshop.wheels.iterdir()))
    peer = "`uv pip compile --generate-hashes`"
    return [
        Finding("resolving nine requirements, 50 ms away", taken["lock"], 1.2, peer, taken["uv"]),
        Finding("the same, sizes of all wheels asked anew", taken["new"], 0, peer, taken["uv"]),
    ]


def _write_target(project: Project) -> Project:
    """The example's requirements for what its base is, but without one: its lock is no part of this."""
    text = (project.root / "examples/sklearn/requirements.in").read_text()
    build = environment("nine", pip="requirements.in", python="3.11.2")
    return project.write({"nine/BUILD.yaml": build, "nine/requirements.in": text})


def _lock_anew(workshop: Workshop, project: Project) -> float:
    shutil.rmtree(project.cache / "metadata")
    return workshop.timed(project, "lock", "--upgrade", LABEL).seconds


def _compile(project: Project) -> float:
    command = [find_uv_bin(), "pip", "compile", "--quiet", "--refresh", "--generate-hashes", *_TARGET]
    pins = project.root / "pins.txt"
    pins.unlink(missing_ok=True)
    command += ["nine/requirements.in", "--output-file", str(pins)]
    return run(command, project.environment, project.root).seconds
