"""A package index on the loopback interface: the simple API over wheels in memory, with faults on demand."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import quote, unquote, urlsplit

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class IndexedFile:
    """A file that an index offers, with the sha256 that it claims."""

    name: str
    data: bytes
    sha256: str


@dataclass
class FakeIndex:
    """What is served, how, and what was asked. All of it may be changed while it runs."""

    files: dict[str, list[IndexedFile]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)  # what of Authorization headers came, each once
    statuses: dict[str, int] = field(default_factory=dict)  # by project, or by file name
    truncated: set[str] = field(default_factory=set)  # file names whose bodies break off
    stalled: set[str] = field(default_factory=set)  # ... that break off only once `released` is set
    waiting: Event = field(default_factory=Event)  # set while somebody waits for the rest of one
    released: Event = field(default_factory=Event)
    json: bool = False
    ranges: bool = True
    login: str = ""  # "user:password", asked of every request
    proxy_login: str = ""  # the same, asked where this server is used as a proxy
    origin: str = ""

    @property
    def url(self) -> str:
        return f"{self.origin}/simple"

    def url_with_login(self) -> str:
        return self.url.replace("://", f"://{self.login}@")

    def add(self, file: tuple[str, bytes], sha256: str = "") -> IndexedFile:
        """Offer a file; `sha256` is what the page claims instead of the truth."""
        name, data = file
        project = re.sub(r"[-_.]+", "-", name.partition("-")[0]).lower()
        indexed = IndexedFile(name, data, sha256 or hashlib.sha256(data).hexdigest())
        self.files.setdefault(project, []).append(indexed)
        return indexed

    def asked(self, project: str) -> bool:
        """Whether the page of a project was asked for."""
        return f"/simple/{project}/" in self.requests


def make_package(
    name: str,
    version: str = "1.0",
    requires: Sequence[str] = (),
    *,
    extras: Sequence[str] = (),
    tag: str = "py3-none-any",
    python: str = "",
    payload: bytes = b"",
    metadata_first: bool = False,
) -> tuple[str, bytes]:
    """File name and bytes of a wheel; equal arguments make equal bytes. `payload` is not compressed."""
    stem = f"{name.replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {each}" for each in requires]
    members = {
        f"{stem}.dist-info/METADATA": "\n".join(lines) + "\n",
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{stem}.dist-info/RECORD": "",
    }
    data: dict[str, bytes] = {f"{name.replace('-', '_')}.bin": payload} if payload else {}
    packed = {key: text.encode() for key, text in members.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in ({**packed, **data} if metadata_first else {**data, **packed}).items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), content)
    return f"{stem}-{tag}.whl", stream.getvalue()


@contextmanager
def run_index(*files: tuple[str, bytes]) -> Iterator[FakeIndex]:
    """Serve an index until the block ends."""
    index = FakeIndex()
    for file in files:
        index.add(file)
    server = _Server(("127.0.0.1", 0), _handler(index))
    index.origin = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, address: object) -> None:
        """Say nothing: clients hang up."""


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    truncated: bool = False


def _answer(index: FakeIndex, path: str, headers: Mapping[str, str]) -> _Answer:
    kind, _, rest = path.strip("/").partition("/")
    key = unquote(rest)
    if index.login and headers.get("Authorization") != _basic(index.login):
        return _refuse(401, headers, {"WWW-Authenticate": "Basic realm=index"})
    if index.proxy_login and headers.get("Proxy-Authorization") != _basic(index.proxy_login):
        return _refuse(407, headers, {"Proxy-Authenticate": "Basic realm=proxy"})
    if key in index.statuses:
        return _refuse(index.statuses[key], headers)
    return _file(index, key, headers.get("Range", "")) if kind == "files" else _page(index, key)


def _refuse(status: int, asked: Mapping[str, str], headers: Mapping[str, str] | None = None) -> _Answer:
    """A refusal that repeats the login it got, as debugging pages do, where clients quote it (RFC 9457)."""
    said = " ".join(value for name, value in asked.items() if "authorization" in name.lower())
    problem = json.dumps({"title": f"not with {said}", "detail": f"you sent {said}", "status": status})
    extra = {"Content-Type": "application/problem+json", **(headers or {})}
    return _Answer(status, problem.encode(), extra, said)


def _page(index: FakeIndex, project: str) -> _Answer:
    if project not in index.files:
        return _Answer(404)
    if index.json:
        return _Answer(200, json_page(index.files[project]), {"Content-Type": _JSON})
    return _Answer(200, html_page(index.files[project]), {"Content-Type": "text/html"})


def _file(index: FakeIndex, name: str, asked: str) -> _Answer:
    offered = [each for files in index.files.values() for each in files if each.name == name]
    if not offered:
        return _Answer(404)
    data, truncated = offered[0].data, name in index.truncated | index.stalled
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if not match or not index.ranges:
        return _Answer(200, data, truncated=truncated)
    begin = int(match[1]) if match[1] else max(0, len(data) - int(match[2]))
    end = min(int(match[2]), len(data) - 1) if match[1] and match[2] else len(data) - 1
    span = {"Content-Range": f"bytes {begin}-{end}/{len(data)}"}
    return _Answer(206, data[begin : end + 1], span, truncated=truncated)


def _handler(index: FakeIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.requests.append(self.path)
            index.logins = sorted({*index.logins, self.headers.get("Authorization", "")})
            # A proxy is asked with the whole address (RFC 9112, section 3.2.2).
            headers = {name.title(): value for name, value in self.headers.items()}
            answer = _answer(index, urlsplit(self.path).path, headers)
            self.send_response(answer.status, answer.reason or None)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) // 2] if answer.truncated else answer.body)
            self.close_connection = answer.truncated
            if answer.truncated and index.stalled:
                index.waiting.set()
                index.released.wait()

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


_JSON = "application/vnd.pypi.simple.v1+json"


def _basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


def html_page(files: Sequence[IndexedFile]) -> bytes:
    """A project's page (PEP 503)."""
    links = [f'<a href="{_link(each)}#sha256={each.sha256}">{each.name}</a><br/>' for each in files]
    return "\n".join(["<!DOCTYPE html><html><body>", *links, "</body></html>"]).encode()


def _link(file: IndexedFile) -> str:
    return f"../../files/{quote(file.name)}"


def json_page(files: Sequence[IndexedFile]) -> bytes:
    """A project's page (PEP 691)."""
    listed = [
        {"filename": each.name, "url": _link(each), "hashes": {"sha256": each.sha256}} for each in files
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": "x", "files": listed}).encode()
