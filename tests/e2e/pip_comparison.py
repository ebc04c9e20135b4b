"""Two installations of the same wheels as comparable values: pip's in a fresh venv, and our layers.

What docs/wheel-layers.md lists as a difference is put into one form here, and nothing else is.
"""

from __future__ import annotations

import csv
import io
import re
import stat
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from envbuild.archive.wheel import write_wheel_layer

PREFIX = "opt/env"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

Tree = dict[str, tuple[int, bytes | None]]  # mode and contents by path below the prefix, None for a folder

_GENERATED = re.compile(rb"#!(\S+)\n.*from (\S+) import (\S+)\n.*sys\.exit\((\S+)\(\)\)\s*\Z", re.DOTALL)
_PIP_ONLY = ("direct_url.json", "REQUESTED")


def install_with_pip(wheels: Sequence[Path], folder: Path) -> Tree:
    """What pip adds to a fresh venv in `folder`, in the common form."""
    venv.create(folder, symlinks=True)
    before = dict(_walk(folder))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install"]
    options = ["--no-deps", "--no-compile", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, *options, *map(str, wheels)], check=True, umask=0o022)
    added = {path: entry for path, entry in _walk(folder) if path not in before}
    return _in_common_form(added, f"/{folder}".replace("//", "/"))


def install_as_layers(wheels: Sequence[Path]) -> Tree:
    """What the layers of the wheels hold, in the common form."""
    tree: Tree = {}
    for wheel in wheels:
        out = io.BytesIO()
        with wheel.open("rb") as file:
            write_wheel_layer(file, out, file_name=wheel.name, prefix=PREFIX, python=PYTHON)
        tree |= dict(_entries(out.getvalue()))
    return _in_common_form(tree, f"/{PREFIX}")


def skeleton(folder: Path) -> set[str]:
    """The folders that a venv has before anything is installed."""
    venv.create(folder, symlinks=True)
    return {path for path, (_, content) in _walk(folder) if content is None}


def _walk(folder: Path) -> Iterator[tuple[str, tuple[int, bytes | None]]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_symlink():
            content = path.read_bytes() if path.is_file() else None
            yield path.relative_to(folder).as_posix(), (stat.S_IMODE(path.stat().st_mode), content)


def _entries(layer: bytes) -> Iterator[tuple[str, tuple[int, bytes | None]]]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if member.name.startswith(f"{PREFIX}/"):
                path = member.name.removeprefix(f"{PREFIX}/")
                yield path, (member.mode, file.read() if file else None)


def _in_common_form(tree: Tree, prefix: str) -> Tree:
    return {
        path: (mode, None if content is None else _common_content(path, content, prefix))
        for path, (mode, content) in tree.items()
        if not path.endswith(_PIP_ONLY)
    }


def _common_content(path: str, content: bytes, prefix: str) -> bytes:
    if path.endswith(".dist-info/INSTALLER"):
        return b"the installer's name"
    if path.endswith(".dist-info/RECORD"):
        return _common_record(content)
    if path.startswith("bin/"):
        content = content.replace(prefix.encode(), b"PREFIX")
        generated = _GENERATED.match(content)
        return b" ".join(generated.groups()) if generated else content
    return content


def _common_record(content: bytes) -> bytes:
    """The lines in their order; hashes left out where the contents are in the list of differences."""
    lines = []
    for line in content.splitlines(keepends=True):
        path = next(csv.reader([line.decode()]))[0]
        if not path.endswith(_PIP_ONLY):
            varies = "/bin/" in path or path.endswith("/INSTALLER")
            lines.append(re.sub(rb"sha256=[\w-]{43},\d+", b"HASH", line) if varies else line)
    return b"".join(lines)
