"""Locking conda packages, alone and with pip on top."""

from __future__ import annotations

import sys
from pathlib import Path

from uv import find_uv_bin

from benchmarks.channel import SPECS, write_channel
from benchmarks.clock import Ran, run
from benchmarks.findings import MEGABYTES, Finding
from benchmarks.index import LATENCY, serve_index
from benchmarks.rounds import compare
from benchmarks.workshop import Workshop
from tests.makers.project import Project, environment

_PEER = "rattler's `solve`"
_SOLVE = """
import asyncio, os, sys
from rattler import GenericVirtualPackage, PackageName, Version, solve
from rattler.package import BuildString
glibc = GenericVirtualPackage(PackageName("__glibc"), Version("2.36"), BuildString("0"))
channel, *specs = sys.argv[1:]
asyncio.run(solve([channel], specs, platforms=["linux-64", "noarch"], virtual_packages=[glibc]))
os._exit(0)  # its threads may crash an interpreter that ends
"""
_TARGET = ["--python-version", "3.11.9", "--python-platform", "x86_64-manylinux_2_36"]
_OPTIONS = [
    "--quiet",
    "--refresh",
    "--generate-hashes",
    "--no-python-downloads",
    "--only-binary",
    ":all:",
    *_TARGET,
]


def measure(workshop: Workshop) -> list[Finding]:
    """Against rattler's solve of the same channel, and uv's compile from a warm cache."""
    channel = workshop.folder / "channel"
    write_channel(channel)
    project = _write_targets(workshop, channel)
    peak = workshop.timed(project, "lock", "--upgrade", "//alone").peak
    taken = compare(
        {
            "lock": lambda: workshop.timed(project, "lock", "--upgrade", "//alone").seconds,
            "peer": lambda: _solve(channel, project).seconds,
        },
        workshop.rounds,
    )
    with serve_index(workshop.index, LATENCY) as url:
        served = project.with_variables(UV_DEFAULT_INDEX=f"{url}/simple")
        both = compare(
            {
                "lock": lambda: workshop.timed(served, "lock", "--upgrade", "//both").seconds,
                "peer": lambda: _solve(channel, served).seconds + _compile(served).seconds,
            },
            workshop.rounds,
        )
    return [
        Finding("locking 128 conda packages of 500,000", taken["lock"], 5),
        Finding("the same", taken["lock"], 0, _PEER, taken["peer"]),
        Finding("its peak memory", peak / 1e6, 1000, unit=MEGABYTES),
        Finding("locking conda and pip", both["lock"], 1.2, f"{_PEER}, `uv pip compile`", both["peer"]),
    ]


def _write_targets(workshop: Workshop, channel: Path) -> Project:
    project = workshop.empty()
    text = (project.root / "examples/sklearn/requirements.in").read_text()
    conda = {"channels": [channel.as_uri()], "dependencies": list(SPECS)}
    target = {"base": "scratch", "libc": "glibc 2.36", "conda": conda}
    return project.write(
        {
            "alone/BUILD.yaml": environment("alone", **target),
            "both/BUILD.yaml": environment("both", pip="requirements.in", **target),
            "both/requirements.in": text,
        }
    )


def _solve(channel: Path, project: Project) -> Ran:
    command = [sys.executable, "-c", _SOLVE, channel.as_uri(), *SPECS]
    return run(command, project.environment, project.root)


def _compile(project: Project) -> Ran:
    pins = project.root / "pins.txt"
    pins.unlink(missing_ok=True)
    command = [find_uv_bin(), "pip", "compile", *_OPTIONS, "both/requirements.in", "--output-file", str(pins)]
    return run(command, project.environment, project.root)
