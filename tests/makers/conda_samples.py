"""Conda packages with all that packages have, each for a few features; no two own a path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from tests.makers.conda_packages import LONG_PLACEHOLDER, PLACEHOLDER, CondaFile, CondaPackage, executable
from tests.makers.debian import entry, folder
from tests.makers.wheels import noise

Contents = Mapping[str, str | bytes | CondaFile]

LONG: Final = LONG_PLACEHOLDER

PYTHON: Final = CondaPackage(
    "python", {"bin/python3.11": executable(b"\x7fELF"), "lib/python3.11/os.py": ""}, version="3.11.9"
)


def text(contents: str, placeholder: str = LONG, mode: int = 0o755) -> CondaFile:
    """A text that has a placeholder where this says `PREFIX`."""
    data = contents.replace("PREFIX", placeholder).encode()
    return CondaFile(data, mode=mode, placeholder=placeholder)


def binary(contents: bytes, placeholder: str = LONG) -> CondaFile:
    """A program that has a placeholder where this says `PREFIX`."""
    data = contents.replace(b"PREFIX", placeholder.encode())
    return CondaFile(data, mode=0o755, placeholder=placeholder, binary=True)


FILES: Final[Contents] = {
    "share/files/plain": "plain\n",
    "share/files/empty": "",
    "share/files/big": CondaFile(noise(3_000_000)),
    "share/files/secret": CondaFile(b"1", mode=0o600),
    "share/files/group": CondaFile(b"1", mode=0o664),
    "share/files/program": executable("#!/bin/sh\n"),
    "share/files/setuid": CondaFile(b"1", mode=0o4755),
    "share/files/ünï cödé": "1",
    "share/files/" + "long/" * 30 + "x" * 120: "1",
}
LINKS: Final[Contents] = {
    "lib/links/real.so.1.2": CondaFile(b"\x7fELF", mode=0o755),
    "lib/links/real.so": CondaFile(link="real.so.1.2"),
    "lib/links/up": CondaFile(link="../links/./real.so"),
    "lib/links/folder": CondaFile(link="../links"),
    "lib/links/hard": CondaFile(same_as="lib/links/real.so.1.2", mode=0o755),
    "lib/links/copied": CondaFile(same_as="lib/links/real.so.1.2", mode=0o755, no_link=True),
    "lib/links/prefixed": text("PREFIX/share\n"),
}
TEXTS: Final[Contents] = {
    "bin/plain-text": text("#!PREFIX/bin/python\nprint('PREFIX')\n"),
    "bin/options": text("#! PREFIX/bin/python3.11 -E -s\nprint('PREFIX/PREFIX')\n"),
    "bin/perl": text("#!PREFIX/bin/perl -w\nprint 'PREFIX'\n"),
    "bin/crlf": text("#!PREFIX/bin/python\r\nPREFIX\r\n"),
    "bin/one-line": text("#!PREFIX/bin/perl"),
    "bin/system": text("#!/bin/sh\nexec PREFIX/bin/x\n"),
    "bin/long-options": text("#!PREFIX/bin/python " + "-E " * 50 + "\n"),
    "bin/no-path": text("#!python PREFIX" + "x" * 200 + "\n"),
    "bin/escaped": text("#!PREFIX/bin/my\\ perl -x\n"),
    "share/texts/config": text("a=PREFIX\nb=PREFIX:PREFIX/lib\n", mode=0o644),
    "share/texts/short": text("a=PREFIX\n", PLACEHOLDER, 0o644),
    "share/texts/none": text("nothing\n", mode=0o644),
    "share/texts/bytes": CondaFile(b"\xff\0" + LONG.encode() + b"\0\n", placeholder=LONG),
}
BINARIES: Final[Contents] = {
    "lib/binaries/one": binary(b"\x7fELF\0PREFIX/lib\0after\0"),
    "lib/binaries/several": binary(b"a:PREFIX/lib:PREFIX/share:b\0\0PREFIX\0x"),
    "lib/binaries/open": binary(b"\0PREFIX/lib and no more"),
    "lib/binaries/at-once": binary(b"PREFIXPREFIX\0"),
    "lib/binaries/none": binary(b"nothing\0"),
    "lib/binaries/large": binary(bytes(1_500_000) + b"PREFIX/x\0" + bytes(1_500_000)),
}
OLD: Final[Contents] = {
    "bin/old": text("#!PREFIX/bin/python\n", PLACEHOLDER),
    "lib/old.so": binary(b"\0PREFIX/lib\0"),
    "share/old-text": text("PREFIX\n", "/opt/builder"),
    "share/old-link": CondaFile(link="old-text"),
    "share/old-plain": CondaFile(b"1", no_link=True),
}
ANY_PYTHON: Final[Contents] = {
    "site-packages/anyone/__init__.py": "",
    "site-packages/anyone/data/x": "1",
    "site-packages/anyone-1.0.dist-info/METADATA": "Name: anyone\n",
    "python-scripts/anyone-script": text("#!PREFIX/bin/python\n"),
    "share/anyone/doc": "1",
    "etc/site-packages/not-moved": "1",
}
POINTS: Final = ["anyone = anyone.cli:main", "anyone-other=anyone:App.run"]

DIRECTORIES: Final = {
    "paths": [
        {"_path": "share/kept-empty/below", "path_type": "directory"},
        {"_path": "share/directories", "path_type": "hardlink", "size_in_bytes": 1},
    ],
    "paths_version": 1,
}

SAMPLES: Final[Mapping[str, CondaPackage]] = {
    "python": PYTHON,
    "files": CondaPackage("files", FILES, depends=["python"], constrains=["links >=1"]),
    "links": CondaPackage("links", LINKS),
    "texts": CondaPackage("texts", TEXTS),
    "binaries": CondaPackage("binaries", BINARIES),
    "old": CondaPackage("old", OLD, old=True, suffix=".tar.bz2"),
    "bz2": CondaPackage("bz2", {"share/bz2": "1", "share/link": CondaFile(link="bz2")}, suffix=".tar.bz2"),
    "generic": CondaPackage("generic", {"site-packages/not-moved": "1"}, noarch="generic"),
    "anyone": CondaPackage("anyone", ANY_PYTHON, noarch="python", entry_points=POINTS),
    "unlisted": CondaPackage(
        "unlisted", {"share/listed": "1"}, raw=[folder("share/"), entry("share/unlisted", b"2")]
    ),
    "empty": CondaPackage("empty"),
    "directories": CondaPackage(
        "directories",
        info={"paths.json": json.dumps(DIRECTORIES)},
        raw=[folder("share/kept-empty/below/"), entry("share/directories", b"1")],
    ),
}
