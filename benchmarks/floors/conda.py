"""No floor, but a peer: rattler installs conda packages, `tar` and `gzip -6` pack the prefix.

Run as `conda.py CHANNEL OUT WORKERS`: no solving, an empty package cache, for the prefix /opt/env.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import rattler


async def install_channel(channel: Path, out: Path) -> None:
    """All packages of a channel for linux-64."""
    records = []
    for subdir in ("linux-64", "noarch"):
        path = channel / subdir / "repodata.json"
        repodata = rattler.SparseRepoData(rattler.Channel(channel.as_uri()), subdir, path)
        for name in repodata.package_names():
            records += repodata.load_records(name)
    await rattler.install(
        records,
        out / "prefix",
        cache_dir=out / "cache",
        alternative_target_prefix="/opt/env",
        platform=rattler.Subdir("linux-64"),
        show_progress=False,
    )


if __name__ == "__main__":
    target = Path(sys.argv[2])
    asyncio.run(install_channel(Path(sys.argv[1]), target))
    pack = ["tar", "-c", "-C", str(target / "prefix"), "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar, (target / "layer.tar.gz").open("wb") as layer:
        subprocess.run(["gzip", "-6"], stdin=tar.stdout, stdout=layer, check=True)
