"""The workspace's files as a build file names them: never outside of it, and every look recorded."""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.core.text import excerpt
from envbuild.spec.build_file import BUILD_FILE
from envbuild.spec.ignore import Ignored
from envbuild.spec.problems import suggest_near
from envbuild.spec.recorder import Recorder

# No system follows more links than this in one path (Linux: MAXSYMLINKS).
_MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder: its path relative to the workspace root as named, and where it really lies."""

    name: str
    real: str
    mode: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_executable(self) -> bool:
        """Whether its owner may execute it."""
        return bool(self.mode & stat.S_IXUSR)


class Place:
    """A package's folder in a workspace.

    A symbolic link stands for what it leads to, which must lie in the workspace. Every path
    returned is relative to the workspace root and "/"-separated.
    """

    def __init__(self, root: Path, package: str, recorder: Recorder) -> None:
        self.root = root
        self.package = package
        self.recorder = recorder
        self.ignored = Ignored(root, recorder)
        self._real_root = os.path.realpath(root)

    @property
    def folder(self) -> Path:
        """The package's absolute folder."""
        return self.root / self.package

    def locate(self, written: str) -> str:
        """The path of what a build file names; raises SpecError where that is outside the workspace."""
        name = posixpath.normpath(posixpath.join(self.package, written))
        if not written or written.startswith("/") or name == ".." or name.startswith("../"):
            raise SpecError(
                f"`{excerpt(written)}` is no path in the workspace",
                hint=f"write a path relative to the folder of `{BUILD_FILE}`",
            )
        return "" if name == "." else name

    def find(self, name: str) -> Found | None:
        """What lies at a path, None where nothing does; raises SpecError for a link out of the workspace."""
        path = self.root / name
        self._record_links(path)
        real = os.path.realpath(path)
        if real != self._real_root and not real.startswith(self._real_root + os.sep):
            raise SpecError(
                f"`{name}` leads out of the workspace by a symbolic link",
                hint="copy the file into the workspace",
            )
        try:
            return Found(name, real, Path(real).stat().st_mode)
        except OSError:
            return None

    def require(self, name: str) -> Found:
        """What lies at a path; raises SpecError that names what may have been meant."""
        found = self.find(name)
        if found is None:
            parent, _, base = name.rpartition("/")
            beside = self.list(parent) if self._is_folder(parent) else []
            hint = suggest_near(base, beside) or "check the path"
            raise SpecError(f"there is no file `{excerpt(name)}`", hint=hint)
        return found

    def list(self, name: str) -> list[str]:
        """The names in a folder, sorted; raises SpecError where it cannot be read."""
        path = Path(os.path.realpath(self.root / name))
        self.recorder.record(path)
        try:
            return sorted(entry.name for entry in path.iterdir())
        except OSError as error:
            raise SpecError(
                f"cannot read the folder `{name or '.'}`: {error.strerror}", hint="make it readable"
            ) from error

    def _is_folder(self, name: str) -> bool:
        found = self.find(name)
        return found is not None and found.is_folder

    def _record_links(self, path: Path) -> None:
        for _ in range(_MAX_LINKS):
            self.recorder.record_hashed(path)
            if not os.path.islink(path):  # noqa: PTH114 (a name too long for a file is none, and no failure)
                return
            self.recorder.record(path)
            path = Path(os.path.normpath(path.parent / path.readlink()))
