"""A package index on loopback that is as far away as one likes."""

from __future__ import annotations

import os
import re
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

LATENCY = 0.05  # seconds to a usual index, there and back

# A project's page on the index that most people use lists hundreds of files; 57 of them are 23 MB.
_OTHER_FILES = 1_600


def write_index(wheels: Mapping[Path, str], folder: Path) -> None:
    """Lay out the simple API (PEP 503) for wheels with their sha256, on pages of usual size."""
    for wheel, sha256 in wheels.items():
        place = folder / "files" / wheel.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.hardlink_to(wheel)
        place.with_name(f"{wheel.name}.metadata").write_bytes(_read_metadata(wheel))
        project = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()
        page = folder / "simple" / project / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<!DOCTYPE html>\n" + "".join(_links(wheel.name, sha256)))


def _read_metadata(wheel: Path) -> bytes:
    """What an index serves beside a wheel (PEP 658)."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each))
        return archive.read(name)


def _links(name: str, sha256: str) -> Iterator[str]:
    project = name.partition("-")[0]
    for n in range(_OTHER_FILES):
        old = f"{project}-0.0.{n}-cp36-cp36m-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
        yield f'<a href="/files/{old}#sha256={"0" * 64}" data-requires-python="&lt;3.7">{old}</a><br />\n'
    yield f'<a href="/files/{quote(name)}#sha256={sha256}" data-core-metadata="true">{name}</a><br />\n'


@contextmanager
def serve_index(folder: Path, latency: float = 0.0) -> Iterator[str]:
    """Serve a folder; each connection and each answer takes `latency` seconds more. Gives its URL."""
    handler = partial(_Handler, latency, directory=os.fspath(folder))
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # else some of many connections that begin at once wait for a second

    def handle_error(self, *arguments: object) -> None:
        """Clients may leave when they have what they want: that is no news."""


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # headers and the body's beginning in one packet
    disable_nagle_algorithm = True  # the last bytes of a body wait for nobody

    def __init__(self, latency: float, *arguments: object, directory: str) -> None:
        self._latency = latency
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def setup(self) -> None:
        super().setup()
        time.sleep(self._latency)

    def do_GET(self) -> None:
        time.sleep(self._latency)
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if asked and path.is_file():
            self._send_part(path, *asked.groups())
        else:
            super().do_GET()

    def _send_part(self, path: Path, first: str, last: str) -> None:
        size = path.stat().st_size
        begin = int(first) if first else max(0, size - int(last))
        end = min(int(last), size - 1) if first and last else size - 1
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Range", f"bytes {begin}-{end}/{size}")
        self.send_header("Content-Length", str(end - begin + 1))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(begin)
            self.wfile.write(file.read(end - begin + 1))

    def log_message(self, *arguments: object) -> None:
        pass
