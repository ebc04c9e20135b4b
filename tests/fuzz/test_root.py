"""Layers of images that others made: whatever they hold, what is told of the root can be told."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.apt_suites import find_suites
from envbuild.archive.decompress import open_compressed
from envbuild.archive.root_facts import (
    find_alternatives,
    find_facts,
    find_groups,
    find_packages,
    find_users,
    is_telling,
)
from envbuild.archive.root_scan import RootScan
from envbuild.lock.fields import facts
from tests.makers.debian import entry, folder, link, make_tar
from tests.makers.mutants import fuzz, mutants, read_or_refuse

FILES = {
    "etc/passwd": b"root:x:0:0::/:\nme:x:7:8::/home/me:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
    "usr/lib/libc.so.6": b"GNU C Library (Debian) stable release version 2.36.\n",
    "usr/bin/python3.11": b"\0003.11.2\0",
    "etc/apt/sources.list": b"deb [arch=amd64] http://m/debian bookworm-security main\n# deb x\n",
    "etc/apt/sources.list.d/a.sources": b"Types: deb\nURIs: http://m\nSuites: bookworm\nComponents: main\n",
    "etc/apt/preferences.d/a": b"Package: *\nPin: release *\n",
    "var/lib/dpkg/status": b"Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\n",
}
LAYER = make_tar(
    [
        folder("usr/"),
        *(entry(path, data) for path, data in FILES.items()),
        link("usr/bin/python3", "python3.11"),
    ]
)
PATHS = st.sampled_from(
    [*FILES, "usr", "usr/bin/python3", "usr/bin", "a", "a/b", "../a", "/a", ".", "a/.wh.b", ".wh.", ".wh.usr",
     "usr/.wh..wh..opq", ".wh..wh..opq", "a//b", "d/" * 130 + "d", "\udcff"]
)  # fmt: skip
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
CONTENTS = st.sampled_from([b"", *FILES.values()]) | st.binary(max_size=20)


def make_entry(path: str, kind: bytes, target: str, data: bytes, uid: int) -> tuple[tarfile.TarInfo, bytes]:
    return entry(path, data if kind == tarfile.REGTYPE else b"", type=kind, linkname=target, uid=uid)


ENTRIES = st.builds(make_entry, PATHS, KINDS, PATHS, CONTENTS, st.sampled_from([0, 7, -1, 1 << 32]))


def scan(layers: list[bytes]) -> RootScan:
    root = RootScan(is_telling)
    for layer in layers:
        root.add_layer(open_compressed(io.BytesIO(layer), "", limit=1 << 20))
    return root


def tell(layers: list[bytes]) -> bool:
    """Ask everything of a root of these layers; gives whether it was told."""
    root = read_or_refuse(lambda: scan(layers))
    if root is None:
        return False
    assert all(path and ".." not in path.split("/") for path in root.nodes)
    assert set(find_facts(root)) <= {"libc", "python", "interpreter", "suite"}
    # Whatever a lock is to hold of it can be read again.
    facts(find_suites(root, "bookworm", "amd64"), "it")
    assert all(abs(priority) < 1 << 31 for priority in find_alternatives(root).values())
    assert all(number.replace(":", "").isascii() for number in find_users(root).values())
    assert all(number.isascii() for number in find_groups(root).values())
    assert list(find_packages(root)) == sorted(find_packages(root))
    assert all(root.nodes[path].is_link for path in root.links_to_folders())
    assert all(root.nodes[path].is_folder for path in root.special_folders())
    return True


@fuzz
@given(mutants(LAYER, marks=range(0, len(LAYER), 512)))
def test_changed_bytes(layer: bytes) -> None:
    tell([LAYER, layer])


@fuzz
@given(st.lists(st.lists(ENTRIES, max_size=5).map(make_tar), max_size=3))
def test_any_layers(layers: list[bytes]) -> None:
    tell([LAYER, *layers])


def test_what_nobody_changed_is_told() -> None:
    assert tell([LAYER, LAYER])
