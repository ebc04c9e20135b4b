"""Wheels as conda packages: those for one Python as they lie in its site-packages, pure ones as noarch."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.makers.conda_debian import SITE, add_library_path
from tests.makers.conda_packages import LONG_PLACEHOLDER, CondaFile

_LIBRARY: Final = b"libstdc++.so.6\0"  # of what manylinux lets a wheel expect, conda's own comes first
_SCRIPT: Final = """\
#!{prefix}/bin/python3.11
import sys

from {module} import {function}

if __name__ == "__main__":
    sys.exit({call}())
"""


@dataclass(frozen=True)
class WheelRecipe:
    """What conda knows of a wheel that the wheel does not say."""

    name: str
    depends: Sequence[str] = ()
    pure: bool = True


WHEELS: Final[Mapping[str, WheelRecipe]] = {
    "numpy": WheelRecipe("numpy", ["libgcc", "libstdcxx"], pure=False),
    "pandas": WheelRecipe(
        "pandas", ["libstdcxx", "numpy >=1.26", "python-dateutil", "python-tzdata", "pytz"], pure=False
    ),
    "pip": WheelRecipe("pip"),
    "python-dateutil": WheelRecipe("python-dateutil", ["six >=1.5"]),
    "pytz": WheelRecipe("pytz"),
    "pyyaml": WheelRecipe("pyyaml", pure=False),
    "six": WheelRecipe("six"),
    "tabulate": WheelRecipe("tabulate"),
    "tzdata": WheelRecipe("python-tzdata"),  # conda's tzdata is what Debian calls so
}


def read_wheel(wheel: Path, *, pure: bool) -> tuple[dict[str, CondaFile], list[str]]:
    """Its files where conda has them; of a pure one the entry points, for which scripts are made at last."""
    with zipfile.ZipFile(wheel) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        files = {member.filename: _read(archive, member) for member in members}
    assert not any(".data/" in path for path in files), f"{wheel.name} has more than site-packages"
    (info,) = (path.rpartition("/")[0] for path in files if path.endswith(".dist-info/METADATA"))
    points = _entry_points(files.get(f"{info}/entry_points.txt", CondaFile()).data.decode())
    files[f"{info}/INSTALLER"] = CondaFile(b"conda\n")
    if pure:
        return {f"site-packages/{path}": file for path, file in sorted(files.items())}, points
    placed = {f"{SITE}/{path}": _link(f"{SITE}/{path}", file) for path, file in sorted(files.items())}
    return {**dict(map(_script, points)), **placed}, []


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> CondaFile:
    executable = (member.external_attr >> 16) & stat.S_IXUSR
    return CondaFile(archive.read(member), 0o755 if executable else 0o644)


def _entry_points(text: str) -> list[str]:
    """The console scripts as conda writes them."""
    parser = ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    if not parser.has_section("console_scripts"):
        return []
    return [f"{name} = {target}" for name, target in sorted(parser.items("console_scripts"))]


def _link(path: str, file: CondaFile) -> CondaFile:
    if not file.data.startswith(b"\x7fELF") or _LIBRARY not in file.data:
        return file
    return CondaFile(add_library_path(file.data, path), file.mode)


def _script(point: str) -> tuple[str, CondaFile]:
    """A console script as conda's build makes it, with the prefix that it was built at."""
    name, _, target = point.partition(" = ")
    module, _, call = target.partition(":")
    function = call.partition(".")[0]
    text = _SCRIPT.format(prefix=LONG_PLACEHOLDER, module=module, function=function, call=call)
    return f"bin/{name}", CondaFile(text.encode(), 0o755, placeholder=LONG_PLACEHOLDER)
