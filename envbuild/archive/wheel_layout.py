"""Where an environment keeps what: the paths of a venv on Linux (Python's `sysconfig` scheme "venv")."""

from __future__ import annotations

import posixpath
from functools import cached_property

from envbuild.core.dataclass import dataclass


@dataclass(frozen=True)
class Layout:
    """An environment below `prefix` ("opt/env") for a Python named by its minor version ("3.11").

    What is asked for each file of a wheel is computed once.
    """

    prefix: str
    python: str

    @cached_property
    def scripts(self) -> str:
        """The folder of executables."""
        return f"{self.prefix}/bin"

    @cached_property
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
        link = self._link
        return f"{self.prefix}/lib/{path.removeprefix(link)}" if path.startswith(link) else path

    @cached_property
    def _link(self) -> str:
        return f"{self.prefix}/lib64/"

    def record_path(self, path: str) -> str:
        """How a RECORD names a path: relative to the folder of modules (PEP 376)."""
        if path.startswith(self._modules):
            return path[len(self._modules) :]
        return posixpath.relpath(path, self.site_packages)

    @cached_property
    def _modules(self) -> str:
        return f"{self.site_packages}/"
