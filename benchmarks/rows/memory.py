"""The most memory that a build holds."""

from __future__ import annotations

from benchmarks.findings import MEGABYTES, Finding
from benchmarks.variants import write_big_wheel
from benchmarks.workshop import TARGET, Workshop
from tests.makers.project import environment

_BIG = 200  # megabytes


def measure(workshop: Workshop) -> list[Finding]:
    """Of the example, and of an image with one big wheel."""
    project = workshop.copy(workshop.fetched)
    example = workshop.timed(project, "build", TARGET).peak
    big = workshop.empty()
    folder = big.root / "big"
    folder.mkdir()
    write_big_wheel(folder, _BIG)
    big.write({"big/BUILD.yaml": environment("big", wheels=["big-1.0-py3-none-any.whl"])})
    big.succeed("lock", "//big")
    bulky = workshop.timed(big, "build", "//big").peak
    return [
        Finding("peak memory of a build", example / 1e6, 300, unit=MEGABYTES),
        Finding(f"peak memory with a wheel of {_BIG} MB", bulky / 1e6, 300, unit=MEGABYTES),
    ]
