"""The Debian base of Python 3.11: its lock, and its layers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.findings import Finding
from benchmarks.floors import run_floor
from benchmarks.rounds import compare
from benchmarks.workshop import Workshop
from tests.makers.examples import seed_blobs
from tests.makers.project import Project

BASE = "//base:base"


def measure(workshop: Workshop) -> list[Finding]:
    """Locking from this machine's own mirrors; layers against raw unpacking of the same packages."""
    project = _write_base(workshop)
    project.succeed("lock", BASE)
    unbuilt = workshop.empty()
    shutil.copytree(project.root / "base", unbuilt.root / "base")
    present = [each["sha256"] for each in workshop.artifacts("deb", "examples/bases/*")]
    kept = workshop.built.cache / "blobs" / "sha256"
    seed_blobs(workshop.built, unbuilt, [sha256 for sha256 in present if (kept / sha256).is_file()])
    taken = compare(
        {
            "lock": _lock(workshop, project, keep_index=False),
            "relock": _lock(workshop, project, keep_index=True),
            "layers": workshop.on_copies(unbuilt, "build", BASE),
            "floor": lambda: run_floor("debs.py", workshop.debs, workshop.folder),
        },
        workshop.rounds,
    )
    floor = "raw floor: unpack, sha256, write"
    return [
        Finding("`debian_base` lock, index from a mirror", taken["lock"], 3),
        Finding("`debian_base` lock, index kept", taken["relock"], 3),
        Finding("`debian_base` layers from local .debs", taken["layers"], 1.5, floor, taken["floor"]),
    ]


def _write_base(workshop: Workshop) -> Project:
    """The examples' base for one platform, on a machine that has its own sources."""
    machine = {name: value for name, value in os.environ.items() if not name.startswith("ENVBUILD_")}
    project = workshop.empty().with_variables(**machine)
    text = (project.root / "examples/bases/BUILD.yaml").read_text()
    text = text.replace("name: python311", "name: base").replace(
        "[linux/amd64, linux/arm64]", "[linux/amd64]"
    )
    return project.write({"base/BUILD.yaml": text})


def _lock(workshop: Workshop, project: Project, *, keep_index: bool) -> Callable[[], float]:
    lock: Path = project.root / "base/base.lock.json"

    def contend() -> float:
        lock.unlink()
        if not keep_index:
            shutil.rmtree(project.cache / "debian")
        return workshop.timed(project, "lock", BASE).seconds

    return contend
