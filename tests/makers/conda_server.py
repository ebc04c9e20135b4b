"""A channel on a loopback server that may want a login, be away, and tells what has not changed."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class ChannelServer:
    """What was asked so far, as (path, status). `login` is `user:password`, "" for none."""

    login: str = ""
    ranges: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)
    url: str = ""

    def count(self, end: str, status: int) -> int:
        """How many requests for files of this ending had this status."""
        return sum(path.endswith(end) and code == status for path, code in self.asked)


@contextmanager
def serve_channel(root: Path, server: ChannelServer) -> Iterator[ChannelServer]:
    """Serve a folder until the block ends; after that, nobody answers at its URL."""

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: object = "-", size: object = "-") -> None:
            server.asked.append((self.path, int(str(code))))

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            wanted = base64.b64encode(server.login.encode()).decode()
            if server.login and self.headers.get("Authorization") != f"Basic {wanted}":
                self.send_error(401)
                return
            super().do_GET()

    address = ("127.0.0.1", 0)
    running = ThreadingHTTPServer(address, partial(Handler, directory=os.fspath(root)))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{running.server_address[1]}"
    try:
        yield server
    finally:
        running.shutdown()
        thread.join()
        running.server_close()
