"""Copies on a root that is known by its nodes; whole layers are compared with BuildKit's in tests/e2e."""

from __future__ import annotations

import io
import tarfile

import pytest

from envbuild.archive.copy_layer import CopyWriter, Destination, Owner, find_suffix, read_owner
from envbuild.archive.layer import LayerWriter
from envbuild.archive.root_scan import Node, RootScan
from envbuild.core.errors import ArchiveError
from tests.makers.roots import list_layer

_PASSWD = b"root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/sh\n"
_NODES = {
    "srv": Node(tarfile.DIRTYPE, 0o700, 5, 6),
    "srv/file": Node(tarfile.REGTYPE),
    "srv/pointer": Node(tarfile.SYMTYPE, target="file"),
    "way": Node(tarfile.SYMTYPE, target="/srv"),
    "gone": Node(tarfile.SYMTYPE, target="nowhere"),
    "etc/passwd": Node(tarfile.REGTYPE, data=_PASSWD),
    "etc/group": Node(tarfile.REGTYPE, data=b"web:x:34:\nextra:x:50:web\n"),
}


def root() -> RootScan:
    return RootScan(lambda _: True, dict(_NODES))


def copies(path: str, mode: int | None = None, owner: Owner | None = None) -> tuple[CopyWriter, io.BytesIO]:
    out = io.BytesIO()
    return CopyWriter(root(), LayerWriter(out), Destination(path, mode, owner)), out


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("/new", "new"),
        ("/new/", "new/a"),
        ("/", "a"),
        ("/srv", "srv/a"),
        ("/way", "srv/a"),
        ("/way/deep/", "srv/deep/a"),
        ("/srv/file", "srv/file"),
        ("/srv/pointer", "srv/file"),
        ("/gone", "nowhere"),
    ],
)
def test_where_one_file_goes(destination: str, expected: str) -> None:
    writer, _ = copies(destination)
    # A destination that is no folder names the file itself.
    path = writer.place("a", single=True)
    assert path == expected


def test_folders_that_are_there_stay_as_they_are() -> None:
    writer, out = copies("/way/new/", mode=0o640, owner=Owner(1, 2))
    writer.top()
    writer.file(writer.place("a"), io.BytesIO(b"x"), 1, 0o644, Owner(0, 0))
    writer.link(writer.place("b"), "a", Owner(0, 0))
    writer.finish()
    assert list_layer(out.getvalue()) == {
        "srv/new/a": "file 640 1:2 'x'",
        "srv/new/b": "link 777 1:2 a",
        "srv": "dir 700 5:6",
        "srv/new": "dir 755 1:2",
    }


def put(destination: str, names: list[str]) -> None:
    writer, _ = copies(destination)
    for name in names:
        writer.file(writer.place(name), io.BytesIO(b""), 0, 0o644, Owner(0, 0))


@pytest.mark.parametrize(
    ("destination", "names", "message"),
    [
        ("/srv/file/", ["a"], "`/srv/file/` is a file, and what is copied needs a folder there"),
        ("/", ["srv"], "`/srv` is a folder, and a file would take its place"),
        ("/srv/", ["a", "a"], "`/srv/a` is copied twice"),
        ("/srv/", ["file/b"], "`/srv/file` is a file, and `/srv/file/b` would lie below it"),
    ],
)
def test_what_is_in_the_way(destination: str, names: list[str], message: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        put(destination, names)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("7", Owner(7, 7)),
        ("7:8", Owner(7, 8)),
        ("web", Owner(33, 34)),
        ("web:extra", Owner(33, 50)),
        ("web:9", Owner(33, 9)),
        ("7:web", Owner(7, 34)),
    ],
)
def test_owners(text: str, expected: Owner | None) -> None:
    assert read_owner(text, root()) == expected


@pytest.mark.parametrize("text", ["nobody", "web:nobody", ":extra", "-1"])
def test_owners_that_nobody_knows(text: str) -> None:
    with pytest.raises(ArchiveError, match="the image has no"):
        read_owner(text, root())


@pytest.mark.parametrize(
    ("begin", "suffix"),
    [
        (b"\x1f\x8b\x08", ".gz"),
        (b"\xfd7zXZ\0", ".xz"),
        (b"BZh9", ".bz2"),
        (b"\0" * 257 + b"ustar\0", ""),
        (b"PK\3\4", None),
        (b"", None),
    ],
)
def test_what_is_an_archive(begin: bytes, suffix: str | None) -> None:
    assert find_suffix(begin) == suffix
