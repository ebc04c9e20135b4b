"""An image laid out as Docker's official Python images: the interpreter below /usr/local, and a user."""

from __future__ import annotations

import tarfile

from tests.makers.base_images import Entry, Upstream, make_layer
from tests.makers.debian import entry, link
from tests.makers.stored import StoredImage

CONFIG = {
    "Env": ["PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin", "LANG=C.UTF-8"],
    "Cmd": ["python3"],
    "User": "app",
    "WorkingDir": "/home/app",
}
_MOVED = {"usr/bin/python3": "usr/local/bin/python3", "usr/lib/python3": "usr/local/lib/python3"}
_USERS = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"


def push_python(image: StoredImage, upstream: Upstream, tag: str) -> str:
    """Put a Debian base with Python there, rearranged; returns the digest of its manifest."""
    entries: dict[str, Entry] = {}
    for layer in image.manifest("linux/amd64")["layers"]:
        with tarfile.open(image.blob(layer), "r:gz") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                member.name = _move(member.name)
                member.linkname = _move(member.linkname) if member.islnk() else member.linkname
                entries[member.name] = (member, file.read() if file else b"")
    entries["usr/local/bin/python3"] = link("usr/local/bin/python3", "python3.11")
    entries["etc/passwd"] = entry("etc/passwd", _USERS)
    home = tarfile.TarInfo("home/app")
    home.type, home.mode, home.uid, home.gid = tarfile.DIRTYPE, 0o700, 1000, 1000
    entries["home/app"] = (home, b"")
    # Links come behind what they are links to.
    ordered = sorted(entries.values(), key=lambda each: each[0].islnk())
    digest: str = upstream.push(make_layer({}, *ordered), tag=tag, config=CONFIG)["digest"]
    return digest


def _move(path: str) -> str:
    for old, new in _MOVED.items():
        if path.startswith(old):
            return new + path.removeprefix(old)
    return path
