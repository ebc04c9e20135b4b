"""The floor below any tool that makes checked layers of wheels: inflate, hash both ways, write.

Run as `layers.py WHEELS OUT WORKERS`: each wheel's deflate streams are inflated once, the contents and
the compressed bytes are hashed, and the compressed bytes are written to a file in OUT.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import deflate


def reduce_wheel(out: Path, wheel: Path) -> None:
    """One wheel."""
    plain, packed = hashlib.sha256(), hashlib.sha256()
    with wheel.open("rb") as file, (out / wheel.name).open("wb") as target, zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            # The local header's name and extra field may have other sizes than the directory's.
            file.seek(member.header_offset + 26)
            sizes = file.read(4)
            file.seek(int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little"), 1)
            stream = file.read(member.compress_size)
            data = deflate.deflate_decompress(stream, member.file_size) if member.compress_type else stream
            plain.update(data)
            packed.update(stream)
            target.write(stream)


if __name__ == "__main__":
    wheels, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    largest_first = sorted(wheels.iterdir(), key=lambda path: -path.stat().st_size)
    with ProcessPoolExecutor(workers, get_context("fork")) as processes:
        list(processes.map(partial(reduce_wheel, out), largest_first))
