"""Small sdists; equal arguments make equal bytes. And real backends for them."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n'


def make_sdist(
    name: str,
    version: str = "1.0",
    requires: Sequence[str] = (),
    *,
    metadata: str = "2.2",
    dynamic: Sequence[str] = (),
    pyproject: str = SETUPTOOLS,
    files: Mapping[str, str] | None = None,
) -> tuple[str, bytes]:
    """File name and bytes of an sdist with these files beside PKG-INFO and pyproject.toml ("" for none)."""
    lines = [f"Metadata-Version: {metadata}", f"Name: {name}", f"Version: {version}"]
    lines += [f"Dynamic: {each}" for each in dynamic]
    lines += [f"Requires-Dist: {each}" for each in requires]
    texts = {"PKG-INFO": "\n".join(lines) + "\n", "pyproject.toml": pyproject, **(files or {})}
    stem = f"{name.replace('-', '_')}-{version}"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, text in texts.items():
            if text:
                entry = tarfile.TarInfo(f"{stem}/{path}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
    return f"{stem}.tar.gz", gzip.compress(out.getvalue(), mtime=0)


def download_wheels(folder: Path, *names: str) -> Iterator[tuple[str, bytes]]:
    """File names and bytes of wheels of this machine's index, with all that they need."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", folder, *names], check=True)
    return ((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
