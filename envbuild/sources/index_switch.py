"""Several package indexes in a stated order, for programs that cannot be told who may serve what.

A tiny server on the loopback interface stands before each index: where the index must not serve a
package, it answers 404 and the index is never asked; else it redirects to the index. The program
takes a package from the first index that has it, so the last one it asked is where it came from.
Redirects may hold credentials, and loopback is open to all users of the machine: every address
begins with a word that only the program is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from urllib.parse import quote

Allowed = Callable[[str, str], bool]


class IndexSwitch:
    """A running switch: its URLs by alias, and which index each package came from."""

    def __init__(self, root: str, aliases: Mapping[str, int]) -> None:
        self.urls = {alias: f"{root}{number}/" for alias, number in aliases.items()}
        self.served: dict[str, str] = {}


@contextmanager
def open_switch(targets: Mapping[str, str], allowed: Allowed) -> Iterator[IndexSwitch]:
    """Serve until the block ends.

    `targets` are the indexes' URLs by alias, which may hold credentials; `allowed(alias, project)`
    tells whether an index may serve a package.
    """
    aliases = list(targets)
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    secret = token_urlsafe()
    root = f"http://127.0.0.1:{server.server_port}/{secret}/"
    switch = IndexSwitch(root, {alias: number for number, alias in enumerate(aliases)})

    def locate(path: str) -> str | None:
        """Where a request path leads; None where it must lead nowhere."""
        word, _, rest = path.removeprefix("/").partition("/")
        number, _, project = rest.rstrip("/").partition("/")
        if not compare_digest(word.encode(), secret.encode()):
            return None
        if not number.isdecimal() or int(number) >= len(aliases) or "/" in project or not project:
            return None
        alias = aliases[int(number)]
        if not allowed(alias, project):
            return None
        switch.served[project] = alias
        return f"{targets[alias].rstrip('/')}/{quote(project)}/"

    server.RequestHandlerClass = _handler(locate)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield switch
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, address: object) -> None:
        """Say nothing: a program may hang up at any time."""


def _handler(locate: Callable[[str], str | None]) -> type[BaseHTTPRequestHandler]:
    class Redirect(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            target = locate(self.path)
            self.send_response(307 if target else 404)
            if target:
                self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
            """Say nothing: a request's path is nobody's business."""

    return Redirect
