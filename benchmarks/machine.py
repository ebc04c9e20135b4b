"""What a figure depends on besides the program: the machine and the peers' versions, and no names."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from uv import find_uv_bin

from benchmarks.docker_peer import DOCKER

_PEERS = ([DOCKER, "--version"], [find_uv_bin(), "--version"], ["skopeo", "--version"])


def describe_machine() -> str:
    """Processor, memory, kernel, versions, and the load before anything was measured: a Markdown list."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    load = os.getloadavg()[0]
    system = f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    facts = [
        f"{len(os.sched_getaffinity(0))} cores of {_processor()}, {memory:.0f} GiB of memory",
        system,
        ", ".join(map(_version, _PEERS)),
        f"load of the machine at the start: {load:.1f}",
    ]
    return "".join(f"- {fact}\n" for fact in facts)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _version(command: list[str]) -> str:
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return said.partition(",")[0].partition(" (")[0]
