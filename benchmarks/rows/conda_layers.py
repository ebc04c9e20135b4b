"""An environment of conda packages from an empty action cache, the packages fetched."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from benchmarks.findings import Finding
from benchmarks.floors import run_floor
from benchmarks.rounds import compare
from benchmarks.workshop import Workshop
from tests.makers.conda_channel import Channel
from tests.makers.examples import seed_blobs, stored_blobs
from tests.makers.faithful_channel import make_faithful_channel
from tests.makers.project import Project, environment

TARGET = "//:app"


def measure(workshop: Workshop) -> list[Finding]:
    """Against rattler's installation of the same packages, packed by tar and gzip."""
    channel = _channel(workshop.kept)
    unbuilt = _fetch_packages(workshop, channel)
    taken = compare(
        {
            "envbuild": workshop.on_copies(unbuilt, "build", TARGET),
            "peer": lambda: run_floor("conda.py", channel.root, workshop.folder),
        },
        workshop.rounds,
    )
    work = "image of conda packages of 290 MB from an empty action cache"
    return [Finding(work, taken["envbuild"], 1 / 3, "`rattler` install, tar, `gzip -6`", taken["peer"])]


def _channel(kept: Path) -> Channel:
    """The channel of real programs, for one platform; its parts come from this machine's own sources."""
    folder = kept / "conda-channel"
    return Channel(folder) if folder.exists() else make_faithful_channel(folder, kept / "conda-parts")


def _fetch_packages(workshop: Workshop, channel: Channel) -> Project:
    """A project with a lock of all the channel's packages, which are in its store, and nothing else."""
    machine = {name: value for name, value in os.environ.items() if not name.startswith("ENVBUILD_")}
    built = workshop.empty().with_variables(**machine)
    names = sorted({*channel.names("linux-64"), *channel.names("noarch")})
    asked = {"channels": ["ours"], "dependencies": names}
    sources = [{"channel": {"name": "ours", "url": channel.url}}]
    built.write(
        {
            "envbuild.yaml": f"sources: {json.dumps(sources)}\n",
            "BUILD.yaml": environment(
                base="scratch", libc="glibc 2.36", conda=asked, platforms=["linux/amd64"]
            ),
        }
    )
    built.succeed("lock", TARGET)
    built.succeed("build", TARGET)
    unbuilt = workshop.empty()
    shutil.rmtree(unbuilt.root)
    shutil.copytree(built.root, unbuilt.root)
    locked = {each["sha256"] for each in built.lock("app")["platforms"]["linux/amd64"]["artifacts"]}
    seed_blobs(built, unbuilt, sorted(locked & stored_blobs(built).keys()))
    return unbuilt
