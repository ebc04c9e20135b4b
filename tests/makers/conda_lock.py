"""conda-lock.yml files, written by conda-lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHA, MD5 = "a" * 64, "b" * 32
URL = "https://conda.example/forge"
WHEELS = "https://files.example"


def package(name: str, platform: str = "linux-64", *, manager: str = "conda", **stated: Any) -> Any:
    """A package as conda-lock's models have it; its category is `main`."""
    from conda_lock.lockfile.v2prelim.models import HashModel, LockedDependency

    folder = stated.pop("folder", platform)
    file = (
        f"{URL}/{folder}/{name}-1.0-0.conda"
        if manager == "conda"
        else f"{WHEELS}/{name}-1.0-py3-none-any.whl"
    )
    values = {
        "version": "1.0",
        "dependencies": {},
        "url": file,
        "hash": HashModel(md5=MD5, sha256=SHA),
        "categories": {"main"},
        **stated,
    }
    return LockedDependency(name=name, manager=manager, platform=platform, **values)


def write_lock(
    folder: Path,
    *packages: Any,
    platforms: tuple[str, ...] = ("linux-64",),
    sources: tuple[str, ...] = ("environment.yml",),
    content_hash: str = "0" * 64,
) -> Path:
    """A conda-lock.yml, written by conda-lock."""
    from conda_lock.lockfile import write_conda_lock_file
    from conda_lock.lockfile.v2prelim.models import Lockfile, LockMeta
    from conda_lock.models.channel import Channel

    metadata = LockMeta(
        content_hash=dict.fromkeys(platforms, content_hash),
        channels=[Channel.from_string(URL)],
        platforms=list(platforms),
        sources=list(sources),
    )
    path = folder / "conda-lock.yml"
    write_conda_lock_file(Lockfile(package=list(packages), metadata=metadata), path, metadata_choices=None)
    return path
