"""Channels of conda packages as folders: to be named as `file:`, or served on loopback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import zstandard

from tests.makers.conda_packages import CondaPackage
from tests.makers.faulty import File

SUBDIRS: Final = ("linux-64", "linux-aarch64", "noarch")


@dataclass(frozen=True)
class Channel:
    """A channel; what lies there is served as it is, so a test may damage it."""

    root: Path

    @property
    def url(self) -> str:
        """The folder as a channel."""
        return self.root.as_uri()

    def publish(self, *packages: CondaPackage, contents: Mapping[str, bytes] | None = None) -> Channel:
        """Add packages and write repodata.json, plain and compressed; what was there stays.

        `contents` are bytes to publish, by file, instead of a package's own.
        """
        for subdir in SUBDIRS:
            here = [package for package in packages if package.place == subdir]
            repodata = self.repodata(subdir)
            for package in here:
                data = (contents or {}).get(package.file) or package.build_package()
                self._add(repodata, package, data)
            self.write_repodata(subdir, repodata)
        return self

    def repodata(self, subdir: str) -> dict[str, Any]:
        """What the channel says of a subdir."""
        path = self.root / subdir / "repodata.json"
        if path.exists():
            loaded: dict[str, Any] = json.loads(path.read_bytes())
            return loaded
        empty: dict[str, Any] = {"packages": {}, "packages.conda": {}}
        return {"info": {"subdir": subdir}, **empty, "removed": [], "repodata_version": 1}

    def names(self, subdir: str) -> set[str]:
        """The packages of a subdir."""
        repodata = self.repodata(subdir)
        return {each["name"] for key in ("packages", "packages.conda") for each in repodata[key].values()}

    def write_repodata(self, subdir: str, repodata: Mapping[str, Any]) -> None:
        """Let the channel say this of a subdir."""
        data = json.dumps(repodata, indent=1, sort_keys=True).encode()
        folder = self.root / subdir
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "repodata.json").write_bytes(data)
        (folder / "repodata.json.zst").write_bytes(zstandard.ZstdCompressor(level=3).compress(data))

    def remove(self, *files: str) -> None:
        """Take packages (`subdir/file`) off the channel."""
        for file in files:
            subdir, _, name = file.partition("/")
            repodata = self.repodata(subdir)
            del repodata[_section(name)][name]
            self.write_repodata(subdir, repodata)
            (self.root / file).unlink()

    def files(self, below: str = "/conda") -> dict[str, File]:
        """What a faulty server (makers/faulty.py) has of it."""
        paths = (path for path in sorted(self.root.rglob("*")) if path.is_file())
        return {
            f"{below}/{path.relative_to(self.root).as_posix()}": File(path.read_bytes()) for path in paths
        }

    def _add(self, repodata: dict[str, Any], package: CondaPackage, data: bytes) -> None:
        path = self.root / package.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        repodata[_section(path.name)][path.name] = package.describe_record(data)


def _section(name: str) -> str:
    return "packages.conda" if name.endswith(".conda") else "packages"
