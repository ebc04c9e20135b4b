"""The peers: `docker build` with uv and with pip, on a Docker engine with BuildKit, from the same wheels.

No public image and no network: the image to build on is ours, with the empty virtual environment that
ours begins with; the installers come from this machine. What can be made fast is: no dependency is
resolved, nothing is byte-compiled unless that is what is measured, uv's cache outlives a build.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pip
from uv import find_uv_bin

from benchmarks.clock import Ran, run

# Debian's own: other releases of the command line ask for a plug-in before they use BuildKit.
DOCKER: Final = "/usr/bin/docker"

_UV: Final = ["/tools/uv", "pip", "install", "--python", "/opt/env/bin/python", "--cache-dir", "/cache"]
_PIP: Final = ["/opt/env/bin/python", "/tools/pip", "install", "--no-cache-dir"]
_INSTALL: Final = {
    "uv": _UV,
    "uv-compile": [*_UV, "--compile-bytecode"],
    "pip": [*_PIP, "--no-compile"],
    "pip-compile": _PIP,
}
_OFFLINE: Final = ["--no-deps", "--no-index", "--find-links", "/wheels", "-r", "/requirements.txt"]


@dataclass(frozen=True, slots=True)
class Docker:
    """The engine's command line."""

    address: str

    def __call__(self, *arguments: str) -> Ran:
        """Run `docker`, which must succeed."""
        return run([DOCKER, *arguments], self._environment, Path("/"))

    @property
    def _environment(self) -> Mapping[str, str]:
        home = os.environ.get("HOME", "/")
        return {"PATH": os.defpath, "HOME": home, "DOCKER_HOST": self.address, "DOCKER_BUILDKIT": "1"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A build context with a Dockerfile that installs wheels; `installer` is "uv" or "pip", or with
    "-compile" one that also makes bytecode.
    """

    docker: Docker
    folder: Path
    installer: str

    def write(self, base: str, wheels: Iterable[Path]) -> Recipe:
        """Write the Dockerfile on the image `base`, and what it installs."""
        for name in ("wheels", "tools"):
            (self.folder / name).mkdir(parents=True)
        for wheel in wheels:
            (self.folder / "wheels" / wheel.name).hardlink_to(wheel)
        self._pin()
        self._copy_tools()
        mounts = ["type=bind,source=wheels,target=/wheels", "type=bind,source=tools,target=/tools"]
        mounts.append("type=cache,target=/cache")
        command = [*_INSTALL[self.installer], *_OFFLINE]
        steps = " ".join([*(f"--mount={mount}" for mount in mounts), str(command).replace("'", '"')])
        text = f"FROM {base}\nCOPY requirements.txt /requirements.txt\nRUN {steps}\n"
        (self.folder / "Dockerfile").write_text(text)
        return self

    def exchange(self, old: Path, new: Path) -> None:
        """Put another wheel in the place of one."""
        (self.folder / "wheels" / old.name).unlink()
        (self.folder / "wheels" / new.name).hardlink_to(new)
        self._pin()

    def build(self, tag: str, *options: str) -> Ran:
        """`docker build` of it."""
        return self.docker("build", "--network=none", "--quiet", "--tag", tag, *options, str(self.folder))

    def _pin(self) -> None:
        pins = [wheel.name.split("-")[:2] for wheel in sorted((self.folder / "wheels").iterdir())]
        (self.folder / "requirements.txt").write_text("".join(f"{a}=={b}\n" for a, b in pins))

    def _copy_tools(self) -> None:
        if self.installer.startswith("uv"):
            shutil.copy2(find_uv_bin(), self.folder / "tools" / "uv")
        else:
            source = Path(sys.modules[pip.__name__].__file__ or "").parent
            shutil.copytree(source, self.folder / "tools" / "pip", ignore=shutil.ignore_patterns("*.pyc"))
