"""A channel as large as the largest public one: 500,000 records, of which a solution takes 128."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.makers.conda_packages import CondaPackage

NAMES, VERSIONS = 25_000, 20
_TREE = 63  # so many packages have two dependencies each
SPECS = ("p00000 >=3", "python=3.11")


def write_channel(folder: Path) -> None:
    """Write its indexes, and the packages of the solution: what a lock wants to know lies in them."""
    here = folder / "linux-64"
    here.mkdir(parents=True)
    (folder / "noarch").mkdir()
    (folder / "noarch/repodata.json").write_text(json.dumps({"packages": {}, "packages.conda": {}}))
    with (here / "repodata.json").open("w") as file:
        file.write('{"info": {"subdir": "linux-64"}, "packages": {}, "packages.conda": {\n')
        file.write(",\n".join(_records()))
        file.write("\n}}\n")
    data = CondaPackage("any", {"lib/any": b"any"}).build_package()
    (here / "any.conda").write_bytes(data)
    for name in (
        *(f"{_name(n)}-{VERSIONS}.0-0.conda" for n in range(2 * _TREE + 1)),
        "python-3.11.9-0.conda",
    ):
        (here / name).hardlink_to(here / "any.conda")


def _records() -> Iterator[str]:
    yield _record("python", "3.11.9", [])
    for number in range(NAMES):
        below = [_name(2 * number + 1), _name(2 * number + 2)] if number < _TREE else []
        for version in range(1, VERSIONS + 1):
            yield _record(_name(number), f"{version}.0", ["python >=3.9", *(f"{each} >=2" for each in below)])


def _name(number: int) -> str:
    return f"p{number:05}"


def _record(name: str, version: str, depends: list[str]) -> str:
    record = {
        "build": "0",
        "build_number": 0,
        "depends": depends,
        "license": "BSD-3-Clause",
        "md5": hashlib.md5(f"{name} {version}".encode()).hexdigest(),
        "name": name,
        "sha256": hashlib.sha256(f"{name} {version}".encode()).hexdigest(),
        "size": 100_000,
        "subdir": "linux-64",
        "timestamp": 1_700_000_000_000,
        "version": version,
    }
    return f'"{name}-{version}-0.conda": {json.dumps(record)}'
