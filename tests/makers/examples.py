"""Copies of the examples' workspace, and the packages that their locks name, served on loopback."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.makers.project import Project

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "//examples/bases:python311"
HELLO = "//examples/hello:hello"
REPORT = "//examples/private_wheel:report"
SKLEARN = "//examples/sklearn:train"
ARM64 = "//examples/arm64:arm64"
BOOST = "//examples/apt:boost"
PRIMES = "//examples/dockerfile:primes"
PRIMES_BASE = "//examples/dockerfile:base"
TOOLCHAIN = "//examples/dockerfile:toolchain"
OWN_PYTHON = "//examples/user_managed:report"
EXAMPLES = (
    BOOST,
    ARM64,
    BASE,
    PRIMES_BASE,
    PRIMES,
    TOOLCHAIN,
    HELLO,
    "//examples/layered:common",
    "//examples/layered:service",
    REPORT,
    SKLEARN,
    OWN_PYTHON,
)

# Nobody serves tcpmux, and only root could begin to.
NOWHERE = "http://127.0.0.1:1"


def copy_examples(project: Project) -> Project:
    """Give a project the examples' workspace, without those that are workspaces of their own.

    The copies are as new files are, whatever the umask.
    """
    project.root.mkdir(parents=True, exist_ok=True)
    others = {path.parent for path in (REPOSITORY / "examples").rglob("envbuild.yaml")}
    for source in sorted([REPOSITORY / "envbuild.yaml", *(REPOSITORY / "examples").rglob("*")]):
        target = project.root / source.relative_to(REPOSITORY)
        if source.is_file() and "__pycache__" not in source.parts and others.isdisjoint(source.parents):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return project


def use_sources(project: Project, url: str) -> Project:
    """Let a project get its packages from `url` only, which serves what `publish_locked` writes."""
    project.write({"envbuild.yaml": f'sources: [debian: {{name: debian, urls: ["{url}/debian"]}}]\n'})
    return project.with_variables(UV_DEFAULT_INDEX=f"{url}/simple")


def publish_locked(built: Project, folder: Path) -> None:
    """Write all packages of a built project's locks as a Debian mirror and a package index."""
    wheels = []
    for artifact in locked_artifacts(built):
        blob = built.cache / "blobs" / "sha256" / artifact["sha256"]
        if artifact["kind"] == "deb":
            _link(blob, folder / "debian" / artifact["file"])
        elif artifact["source"]:
            wheels.append(artifact)
            _link(blob, folder / _wheel_path(artifact))
    for name in {wheel["name"] for wheel in wheels}:
        _write_page(folder / "simple" / name, [wheel for wheel in wheels if wheel["name"] == name])


def locked_artifacts(project: Project, pattern: str = "**/*") -> list[dict[str, Any]]:
    """What a project's locks name, over all platforms, each file once."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(project.root.glob(f"{pattern}.lock.json")):
        for platform in json.loads(path.read_bytes())["platforms"].values():
            found |= {artifact["sha256"]: artifact for artifact in platform["artifacts"]}
    return list(found.values())


def seed_blobs(built: Project, project: Project, digests: Iterable[str]) -> None:
    """Put blobs of a built project (hex digits) into the store of another one."""
    for digest in digests:
        _link(built.cache / "blobs" / "sha256" / digest, project.cache / "blobs" / "sha256" / digest)


def stored_blobs(project: Project) -> dict[str, int]:
    """The sizes of the blobs in a project's store, by their hex digits."""
    return {path.name: path.stat().st_size for path in _files(project.cache / "blobs" / "sha256")}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.is_file())


def _link(blob: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.link(blob, path)


def _wheel_path(wheel: dict[str, Any]) -> str:
    return f"files/{wheel['sha256'][:8]}/{wheel['file']}"


def _write_page(folder: Path, wheels: list[dict[str, Any]]) -> None:
    """A project's page of the simple API (PEP 503)."""
    links = [f'<a href="/{_wheel_path(each)}#sha256={each["sha256"]}">{each["file"]}</a>' for each in wheels]
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!DOCTYPE html>\n" + "<br>\n".join(links))
