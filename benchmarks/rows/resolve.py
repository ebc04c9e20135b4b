"""Nine requirements become 57 pins."""

from __future__ import annotations

import shutil
from pathlib import Path

from uv import find_uv_bin

from benchmarks.clock import run
from benchmarks.findings import Finding
from benchmarks.rounds import compare
from benchmarks.workshop import TARGET, Workshop

_TARGET = [
    "--python-version",
    "3.11.2",
    "--python-platform",
    "x86_64-manylinux_2_36",
    "--only-binary",
    ":all:",
]


def measure(workshop: Workshop) -> list[Finding]:
    """Against `uv pip compile --generate-hashes`, both with warm caches and asking the index anew."""
    project = workshop.copy(workshop.fetched).with_variables(UV_DEFAULT_INDEX=workshop.index_url)
    requirements = Path("examples/sklearn/requirements.in")
    bare = [find_uv_bin(), "pip", "compile", "--quiet", "--refresh", "--generate-hashes", *_TARGET]
    bare += [str(requirements), "--output-file", "pins.txt"]
    described = project.cache / "metadata"

    def lock_anew() -> float:
        shutil.rmtree(described, ignore_errors=True)
        return workshop.timed(project, "lock", "--upgrade", TARGET).seconds

    def compile_pins() -> float:
        (project.root / "pins.txt").unlink(missing_ok=True)
        return run(bare, project.environment, project.root).seconds

    taken = compare(
        {
            "lock": lambda: workshop.timed(project, "lock", "--upgrade", TARGET).seconds,
            "new": lock_anew,
            "uv": compile_pins,
        },
        workshop.rounds,
    )
    peer = "`uv pip compile --generate-hashes`"
    return [
        Finding("resolving nine requirements", taken["lock"], 1.2, peer, taken["uv"]),
        Finding("the same, sizes of all wheels asked anew", taken["new"], 0, peer, taken["uv"]),
    ]
