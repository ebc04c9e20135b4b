"""The floor below any verified fetch: files of known addresses, sixteen at a time, hashed and written.

Run as `download.py OUT`; the file `OUT/list` has a line of "URL sha256" for each.
"""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import urllib3

PARALLEL = 16
CHUNK = 1 << 18


def download(http: urllib3.PoolManager, out: Path, line: str) -> None:
    """One file."""
    url, sha256 = line.split()
    digest = hashlib.sha256()
    response = http.request("GET", url, preload_content=False)
    with (out / sha256).open("wb") as file:
        for chunk in response.stream(CHUNK):
            digest.update(chunk)
            file.write(chunk)
    response.release_conn()
    assert digest.hexdigest() == sha256, url


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    pool = urllib3.PoolManager(maxsize=PARALLEL)
    with ThreadPoolExecutor(PARALLEL) as threads:
        list(threads.map(partial(download, pool, folder), (folder / "list").read_text().splitlines()))
