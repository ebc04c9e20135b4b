"""Names of wheels and sdists, and wheel files of the workspace, known by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import SpecError
from envbuild.core.text import excerpt

SDIST = ".tar.gz"  # PEP 625
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalWheel:
    """A wheel file of the workspace, or an sdist to build one of; `file` is relative to the workspace's root.

    `size` is in bytes; `path` is where it lies now and is never written anywhere.
    """

    file: str
    sha256: str
    size: int
    path: str = field(compare=False, default="")

    @property
    def is_sdist(self) -> bool:
        """Whether a wheel is built of it first."""
        return self.file.endswith(SDIST)

    @property
    def name(self) -> str:
        """The normalised project name, from the file name."""
        return _parse_name(self.file)[0]

    @property
    def version(self) -> str:
        """The normalised version, from the file name."""
        return _parse_name(self.file)[1]


def _parse_name(file: str) -> tuple[str, str]:
    return parse_sdist_name(file) if file.endswith(SDIST) else parse_wheel_name(file)


def parse_wheel_name(file: str) -> tuple[str, str]:
    """Normalised project name and version of a wheel's file name; raises SpecError."""
    from packaging.utils import parse_wheel_filename

    base = file.rpartition("/")[2]
    try:
        name, version, _, _ = parse_wheel_filename(base)
    except ValueError:  # InvalidWheelFilename, or a version with a number of thousands of digits
        raise SpecError(
            f"`{excerpt(base)}` is no wheel's file name",
            hint="name it `name-version-python-abi-platform.whl`, as build tools do",
        ) from None
    return name, str(version)


def parse_sdist_name(file: str) -> tuple[str, str]:
    """Normalised project name and version of an sdist's file name (PEP 625); raises SpecError."""
    from packaging.utils import parse_sdist_filename

    base = file.rpartition("/")[2]
    try:
        name, version = parse_sdist_filename(base)
    except ValueError:  # InvalidSdistFilename, or a version with a number of thousands of digits
        raise SpecError(
            f"`{excerpt(base)}` is no sdist's file name",
            hint="name it `name-version.tar.gz`, as build tools do",
        ) from None
    return name, str(version)


def resolve_path(path: Path) -> Path:
    """Where a path leads, through links; raises SpecError for one that no file can have."""
    try:
        real = path.resolve()
        real.is_file()
    except (OSError, ValueError):
        raise SpecError(f"`{excerpt(path.name)}` is no path of a file", hint="check the path") from None
    return real


def read_local_wheel(path: Path, root: Path, *, sdists: bool = False) -> LocalWheel:
    """The wheel at `path`, hashed; raises SpecError where it is none or lies outside of `root`.

    With `sdists` it may be one of these.
    """
    real, top = resolve_path(path), root.resolve()
    if not real.is_relative_to(top):
        raise SpecError(
            f"`{excerpt(path.name)}` lies outside of the workspace",
            hint="copy it below the workspace's folder",
        )
    file = real.relative_to(top).as_posix()
    (_parse_name if sdists else parse_wheel_name)(path.name)
    if not real.is_file():
        raise SpecError(f"there is no file `{excerpt(file)}`", hint="check the path")
    digest, size = hashlib.sha256(), 0
    with real.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return LocalWheel(file, digest.hexdigest(), size, str(real))
