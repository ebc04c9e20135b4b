"""Where an environment keeps what: the paths of a venv on Linux (Python's `sysconfig` scheme "venv")."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """An environment below `prefix` ("opt/env") for a Python named by its minor version ("3.11")."""

    prefix: str
    python: str

    @property
    def scripts(self) -> str:
        """The folder of executables."""
        return f"{self.prefix}/bin"

    @property
    def site_packages(self) -> str:
        """The folder of modules, for pure and for platform-specific ones."""
        return f"{self.prefix}/lib/python{self.python}/site-packages"

    @property
    def interpreter(self) -> str:
        """The absolute path that scripts name behind `#!`."""
        return f"/{self.scripts}/python"

    def scheme_folder(self, key: str, distribution: str) -> str | None:
        """Where a wheel's `.data/<key>` goes; None for a key that PEP 427 does not know."""
        return {
            "purelib": self.site_packages,
            "platlib": self.site_packages,
            "headers": f"{self.prefix}/include/site/python{self.python}/{distribution}",
            "scripts": self.scripts,
            "data": self.prefix,
        }.get(key)

    def resolve(self, path: str) -> str:
        """The path without the environment's own link `lib64 -> lib`."""
        link = f"{self.prefix}/lib64/"
        return f"{self.prefix}/lib/{path.removeprefix(link)}" if path.startswith(link) else path

    def record_path(self, path: str) -> str:
        """How a RECORD names a path: relative to the folder of modules (PEP 376)."""
        inside = path.removeprefix(f"{self.site_packages}/")
        return posixpath.relpath(path, self.site_packages) if inside == path else inside
