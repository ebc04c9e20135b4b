"""Several package indexes in a stated order, for programs that cannot be told who may serve what.

A tiny server on the loopback interface stands before each index: where the index must not serve a
package, it answers 404 and the index is never asked; else it redirects to the index, or gives a page
in the place of the index's own. The program takes a package from the first index that has it, so the
last one it asked is where it came from.
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

_WHEEL = "application/octet-stream"

Allowed = Callable[[str, str], bool]
Replace = Callable[[str, str, str], bytes | str | None]
"""What to give in the place of an index's page of a project, or of a file beside it, of which the page's
own name is "": b"" where there is nothing, an URL to redirect to, None where the index's own page is to be
asked."""


def _replace_nothing(*_: str) -> None:
    return None


class IndexSwitch:
    """A running switch: its URLs by alias, and which index each package came from."""

    def __init__(self, root: str, aliases: Mapping[str, int]) -> None:
        self.urls = {alias: f"{root}{number}/" for alias, number in aliases.items()}
        self.served: dict[str, str] = {}


@contextmanager
def open_switch(
    targets: Mapping[str, str], allowed: Allowed, replace: Replace = _replace_nothing
) -> Iterator[IndexSwitch]:
    """Serve until the block ends.

    `targets` are the indexes' URLs by alias, which may hold credentials; `allowed(alias, project)`
    tells whether an index may serve a package, and `replace(alias, project, file)` what it is given
    instead.
    """
    aliases = list(targets)
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    secret = token_urlsafe()
    root = f"http://127.0.0.1:{server.server_port}/{secret}/"
    switch = IndexSwitch(root, {alias: number for number, alias in enumerate(aliases)})

    def locate(path: str) -> str | bytes:
        """Where a request path leads, or what is there; nothing where it must lead nowhere."""
        word, _, rest = path.removeprefix("/").partition("/")
        number, _, rest = rest.rstrip("/").partition("/")
        project, _, file = rest.partition("/")
        if not compare_digest(word.encode(), secret.encode()):
            return b""
        if not number.isdecimal() or int(number) >= len(aliases) or "/" in file or not project:
            return b""
        alias = aliases[int(number)]
        if not allowed(alias, project):
            return b""
        found = replace(alias, project, file)
        if found is None and file:
            return b""
        if found != b"" and not file:
            switch.served[project] = alias
        return f"{targets[alias].rstrip('/')}/{quote(project)}/" if found is None else found

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


def _handler(locate: Callable[[str], str | bytes]) -> type[BaseHTTPRequestHandler]:
    class Redirect(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = locate(self.path)
            body = found if isinstance(found, bytes) else b""
            self.send_response(200 if body else 307 if found else 404)
            if isinstance(found, str):
                self.send_header("Location", found)
            if body:
                self.send_header("Content-Type", "text/html" if self.path.endswith("/") else _WHEEL)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
            """Say nothing: a request's path is nobody's business."""

    return Redirect
