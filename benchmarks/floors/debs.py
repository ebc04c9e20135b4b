"""The floor below any tool that makes layers of Debian packages: unpack, hash, write.

Run as `debs.py DEBS OUT WORKERS`: each package's data is decompressed, hashed and written to a file in OUT.
"""

from __future__ import annotations

import hashlib
import lzma
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path


def reduce_deb(out: Path, deb: Path) -> None:
    """One package: an `ar` archive, whose last member is the data (deb(5))."""
    data = deb.read_bytes()
    at = 8
    while True:
        name, size = data[at : at + 16].decode(), int(data[at + 48 : at + 58])
        if name.startswith("data.tar.xz"):
            break
        at += 60 + size + size % 2
    contents = lzma.decompress(data[at + 60 : at + 60 + size])
    hashlib.sha256(contents)
    (out / deb.name).write_bytes(contents)


if __name__ == "__main__":
    debs, target, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    largest_first = sorted(debs.iterdir(), key=lambda path: -path.stat().st_size)
    with ProcessPoolExecutor(workers, get_context("fork")) as processes:
        list(processes.map(partial(reduce_deb, target), largest_first))
