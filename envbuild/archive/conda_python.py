"""Packages for any Python (CEP 34, `noarch: python`; CEP 17): where their files go, and their scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envbuild.archive.wheel_scripts import generate_script
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.platform import Interpreter
from envbuild.core.text import excerpt
from envbuild.core.wire import parse_json

SCRIPTS = "bin"


@dataclass(frozen=True, slots=True)
class CondaPython:
    """The environment's Python: its version ("3.11.9"), and where below the prefix it has its modules."""

    version: str
    site_packages: str

    @property
    def interpreter(self) -> str:
        """Its path below the prefix, as packages for any Python name it."""
        return f"{SCRIPTS}/python{Interpreter(self.version).minor}"

    def place(self, path: str) -> str:
        """Where a path of a package for any Python goes, below the prefix."""
        folder, _, rest = path.partition("/")
        target = {"site-packages": self.site_packages, "python-scripts": SCRIPTS}.get(folder)
        return f"{target}/{rest}" if target and rest else path


def read_scripts(info: Mapping[str, bytes], python: CondaPython, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the scripts for entry points (`info/link.json`); raises ArchiveError."""
    for text in _read_points(info.get("link.json", b"{}")):
        name, separator, reference = text.partition("=")
        if not separator or name.strip() in ("", ".", ".."):
            raise ArchiveError(f"`{excerpt(text)}` is no entry point")
        name = name.strip()
        yield name, generate_script(name, reference.strip(), f"{prefix}/{python.interpreter}")


def _read_points(data: bytes) -> list[str]:
    try:
        values = parse_json(data)
    except ValueError:
        raise ArchiveError("`info/link.json` is no JSON") from None
    points = _entry_points(values)
    if not isinstance(points, list) or not all(isinstance(point, str) for point in points):
        raise ArchiveError("`info/link.json` has entry points that are no list of texts")
    return points


def _entry_points(values: Any) -> Any:
    noarch = values.get("noarch", {}) if isinstance(values, dict) else None
    return noarch.get("entry_points", []) if isinstance(noarch, dict) else None
