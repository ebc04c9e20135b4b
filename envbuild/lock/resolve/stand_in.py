"""Wheels that hold metadata only: what a base has, in a form that solvers understand.

With them no index is ever asked for a package that the base has, and no other version can win.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from envbuild.lock.markers import marker_environment
from envbuild.lock.model import Locked, PythonQuestion
from envbuild.lock.resolve.answer import Descriptions, pin_edges
from envbuild.spec.requirement_line import parse_pinned

StandIns = dict[str, Path]

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_stand_ins(folder: Path, question: PythonQuestion, describe: Descriptions) -> StandIns:
    """A stand-in for each package of the base, by name, with the extras that the question asks of it.

    Raises ResolveError and SourceError.
    """
    if not question.pins:
        return {}
    environment = marker_environment(question.facts)
    asked: dict[str, set[str]] = {name: set(pin.extras) for name, pin in question.pins.items()}
    for text in question.requirements:
        pinned = parse_pinned(text)
        if pinned.name in asked:
            asked[pinned.name] |= pinned.requirement.extras
    return {
        name: write_stand_in(
            folder,
            name,
            pin.version,
            _metadata(pin, pin_edges(pin, frozenset(asked[name]), environment, describe.locked), asked[name]),
        )
        for name, pin in sorted(question.pins.items())
    }


def write_stand_in(folder: Path, name: str, version: str, metadata: str) -> Path:
    """A wheel of this METADATA, at a path that its contents decide: solvers' caches hold."""
    place = folder / hashlib.sha256(metadata.encode()).hexdigest()[:16]
    path = place / f"{_stem(name, version)}-py3-none-any.whl"
    if path.exists():
        return path
    place.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=place, delete=False) as draft:
        draft.write(pack_stand_in(name, version, metadata))
    Path(draft.name).replace(path)
    return path


def pack_stand_in(name: str, version: str, metadata: str) -> bytes:
    """A wheel of this METADATA and nothing else."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = f"{_stem(name, version)}.dist-info"
        tags = "Wheel-Version: 1.0\nGenerator: envbuild\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for file, text in (("METADATA", metadata), ("WHEEL", tags), ("RECORD", "")):
            archive.writestr(zipfile.ZipInfo(f"{info}/{file}", _EPOCH), text)
    return out.getvalue()


def _stem(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}"


def _metadata(pin: Locked, requires: Iterable[str], extras: Iterable[str]) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {pin.name}", f"Version: {pin.version}"]
    lines += [f"Provides-Extra: {extra}" for extra in sorted(extras)]
    lines += [f"Requires-Dist: {edge}" for edge in requires]
    return "\n".join(lines) + "\n\n"
