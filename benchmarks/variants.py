"""Wheels made for measuring: one with a file more, and one that is big."""

from __future__ import annotations

import base64
import hashlib
import random
import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)


def add_file(wheel: Path, build: int, folder: Path) -> Path:
    """Another build of a wheel (PEP 427's build tag), with one file more that RECORD names."""
    project, version, *tags = wheel.name.split("-")
    changed = folder / "-".join([project, version, str(build), *tags])
    name, data = f"{project}_build.py", f"BUILD = {build}\n".encode()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            contents = old.read(member)
            if member.filename.endswith(".dist-info/RECORD"):
                contents += _record_row(name, data)
            new.writestr(member, contents)
        new.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return changed


def write_big_wheel(folder: Path, megabytes: int) -> Path:
    """A wheel of some `megabytes`, which unpacks to nearly twice as much, in files of 30 MiB.

    Just below the size from which a file is never whole in memory.
    """
    contents = {
        "big-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: big\nVersion: 1.0\n",
        "big-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = b"".join(_record_row(name, data) for name, data in contents.items())
    path = folder / "big-1.0-py3-none-any.whl"
    noise = random.Random(0)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part in range(megabytes * 2 // 30):
            info = zipfile.ZipInfo(f"big/{part}.bin", _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as file:
                for _ in range(30):
                    file.write(noise.randbytes(1 << 19).hex().encode())
            record += f"{info.filename},,\n".encode()
        for name, data in {**contents, "big-1.0.dist-info/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return path


def _record_row(name: str, data: bytes) -> bytes:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n".encode()
