"""Small wheels; equal arguments make equal bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.makers.zips import RawMember, assemble_zip, deflated


@dataclass(frozen=True)
class File:
    """A file of a wheel: contents, Unix mode with its type, and whether it is stored uncompressed."""

    data: bytes
    mode: int = 0o100644
    stored: bool = False


@dataclass(frozen=True)
class Wheel:
    """A wheel's file name and bytes."""

    file_name: str
    data: bytes


def make_wheel(
    name: str,
    files: Mapping[str, bytes | File],
    *,
    version: str = "1.0",
    entry_points: str = "",
    record: str | None = None,
    wheel_version: str = "1.0",
    leave_out: tuple[str, ...] = (),
) -> Wheel:
    """A wheel of `files` and of the metadata that goes with them, but for what is to be left out."""
    info = f"{name}-{version}.dist-info"
    whole = {path: file if isinstance(file, File) else File(file) for path, file in files.items()}
    metadata = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": f"Wheel-Version: {wheel_version}\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": entry_points,
    }
    whole |= {f"{info}/{key}": File(text.encode()) for key, text in metadata.items() if text}
    text = _record(whole, info) if record is None else record
    whole[f"{info}/RECORD"] = File(text.encode())
    kept = {path: file for path, file in whole.items() if path.rpartition("/")[2] not in leave_out}
    return Wheel(f"{name}-{version}-py3-none-any.whl", zip_files(list(kept.items())))


def zip_files(files: list[tuple[str, File]]) -> bytes:
    """A zip with these members in this order."""
    return assemble_zip([_zip_member(path, file) for path, file in files])


def _zip_member(path: str, file: File) -> RawMember:
    member = deflated(path, file.data).but(mode=file.mode)
    return member.but(stored=file.data, method=0) if file.stored else member


def _record(files: Mapping[str, File], info: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for path, file in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.data).digest()).rstrip(b"=").decode()
        writer.writerow([path, f"sha256={digest}", len(file.data)])
    writer.writerow([f"{info}/RECORD", "", ""])
    return out.getvalue()


def noise(size: int) -> bytes:
    """Bytes that compress to about a half, the same in every run."""
    return bytes(random.Random(size).choices(b"0123456789abcdef", k=size))


def sample_wheels() -> dict[str, Wheel]:
    """A wheel for each thing that wheels do, by what it shows."""
    return {
        "plain": make_wheel("plain", {"plain/__init__.py": b"x = 1\n", "plain/empty.py": b""}),
        "schemes": make_wheel(
            "some_schemes",
            {
                "some_schemes.py": b"",
                "some_schemes-1.0.data/purelib/pure.py": b"pure = 1\n",
                "some_schemes-1.0.data/platlib/plat.so": File(b"\x7fELF", 0o100755),
                "some_schemes-1.0.data/headers/some.h": b"#define SOME 1\n",
                "some_schemes-1.0.data/data/share/some/data.txt": b"data\n",
                "some_schemes-1.0.data/data/lib64/linked.txt": b"lies in lib\n",
                "some_schemes-1.0.data/scripts/run-python": File(b"#!python -E\nprint(1)\n", 0o100755),
                "some_schemes-1.0.data/scripts/run-gui": File(b"#!pythonw\nprint(2)\n", 0o100755),
                "some_schemes-1.0.data/scripts/run-sh": File(b"#!/bin/sh\necho 3\n", 0o100755),
                "some_schemes-1.0.data/scripts/not-executable": b"#!python\nprint(4)\n",
                "some_schemes-1.0.data/scripts/binary": File(b"\x7fELF" + noise(40_000), 0o100755),
            },
        ),
        "scripts": make_wheel(
            "scripts",
            {
                "scripts.py": b"def main(): return 0\nclass App:\n    run = staticmethod(main)\n",
                "scripts-1.0.data/scripts/wrapped": File(b"#!python\nold wrapper\n", 0o100755),
                "scripts-1.0.data/scripts/wrapped-script.py": b"old wrapper\n",
            },
            entry_points=(
                "[console_scripts]\nwrapped = scripts:main\nwith.dots-and_more = scripts:App.run\n"
                "extra = scripts:main [feature]\nUpper = scripts:main\n"
                "[gui_scripts]\nwindow = scripts:main\n[other.group]\nplugin = scripts\n"
            ),
        ),
        "installers": make_wheel(
            "installers",
            {"installers.py": b"def pip(): return 0\neasy = pip\n"},
            entry_points=(
                "[console_scripts]\npip = installers:pip\npip2 = installers:pip\npip3.99 = installers:pip\n"
                "easy_install = installers:easy\neasy_install-2.7 = installers:easy\nno = installers:pip\n"
            ),
        ),
        "namespace first": make_wheel("space_one", {"space/one.py": b"1\n", "space/deep/er/a.py": b"a\n"}),
        "namespace second": make_wheel("space_two", {"space/two.py": b"2\n", "space/deep/er/b.py": b"b\n"}),
        "odd names": make_wheel(
            "odd_names",
            {
                "odd_names/with space.txt": b"1",
                "odd_names/données.txt": b"2",
                'odd_names/comma,and"quote.txt': b"3",
                "odd_names/" + "long" * 40 + ".txt": b"4",
                "odd_names/" + "deep/" * 40 + "file.txt": b"5",
                "odd_names/__pycache__/shipped.cpython-311.pyc": b"6",
            },
            version="1.0+local.1",
        ),
        "executable": make_wheel(
            "executable",
            {
                "executable/tool": File(b"\x7fELF", 0o100755),
                "executable/others_only": File(b"x", 0o100645),
                "executable/private": File(b"x", 0o100600),
                "executable/no_type": File(b"x", 0o755),
            },
        ),
        "big": make_wheel(
            "big",
            {
                "big/library.so": File(noise(300_000), 0o100755),
                "big/stored.bin": File(noise(200_000), stored=True),
                "big/zeros.bin": bytes(3_000_000),
                "big/below.bin": noise(32_767),
                "big/exactly.bin": noise(32_768),
            },
        ),
        "unlisted": make_wheel(
            "unlisted",
            {"unlisted.py": b"1", "forgotten.py": b"2"},
            record="unlisted.py,sha256=not-checked,1\ngone.py,sha256=x,5\nunlisted-1.0.dist-info/RECORD,,\n",
        ),
        "same path twice": make_wheel(
            "twice", {"twice.py": b"from the root", "twice-1.0.data/purelib/twice.py": b"from .data"}
        ),
    }
