"""Copies on a root that is known by its nodes; whole layers are compared with BuildKit's in tests/e2e."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile

import pytest
import zstandard

from envbuild.archive.copy_layer import (
    CopyWriter,
    Destination,
    Owner,
    copy_nodes,
    find_suffix,
    read_owner,
    unpack_archive,
)
from envbuild.archive.decompress import ForwardReader, open_compressed
from envbuild.archive.layer import LayerWriter
from envbuild.archive.root_scan import Node, RootScan
from envbuild.core.errors import ArchiveError
from tests.makers.debian import entry, folder, make_tar
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
    scan = RootScan(lambda _: True)
    scan.nodes.update(_NODES)
    return scan


def copies(
    path: str, mode: int | str | None = None, owner: Owner | None = None
) -> tuple[CopyWriter, io.BytesIO]:
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


def test_folders_on_the_way_stay_as_they_are() -> None:
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


def test_folders_that_a_source_has_too_become_as_it_has_them() -> None:
    writer, out = copies("/", mode="go-x")
    writer.folder(writer.place("srv"), 0o751, Owner(3, 4))
    writer.finish()
    assert list_layer(out.getvalue()) == {"srv": "dir 740 3:4"}


@pytest.mark.parametrize(("path", "what"), [("srv/file", "a file"), ("way", "a link")])
def test_a_folder_in_the_place_of_something_else(path: str, what: str) -> None:
    """An archive's takes it, as with tar; a copied one does not."""
    writer, out = copies("/")
    with pytest.raises(ArchiveError, match=f"`/{path}` is {what}, and a folder would take its place"):
        writer.folder(writer.place(path), 0o755, Owner(0, 0))
    unpack_archive(open_tar(make_tar([folder(path)])), writer)
    writer.finish()
    assert list_layer(out.getvalue())[path] == "dir 755 0:0"


def make_layer() -> bytes:
    """A file with attributes, of which layers carry one, and a pipe."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("f")
        info.pax_headers = {
            f"SCHILY.xattr.{name}": "v" for name in ("security.capability", "security.selinux")
        }
        tar.addfile(info)
        pipe = tarfile.TarInfo("p")
        pipe.type, pipe.mode = tarfile.FIFOTYPE, 0o600
        tar.addfile(pipe)
    return out.getvalue()


def open_tar(data: bytes) -> ForwardReader:
    return open_compressed(io.BytesIO(data), "", limit=1 << 20)


def test_attributes_and_pipes_are_copied() -> None:
    """A program without its capabilities would work for root alone."""
    source, layer = RootScan(lambda _: False), make_layer()
    source.add_layer(open_tar(layer))
    writer, out = copies("/new/", owner=Owner(5, 6))
    copy_nodes(source.nodes, [open_tar(layer)], writer, single=False)
    writer.finish()
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        assert tar.getmember("new/f").pax_headers == {"SCHILY.xattr.security.capability": "v"}
        pipe = tar.getmember("new/p")
    assert (pipe.isfifo(), pipe.mode, pipe.uid) == (True, 0o600, 5)


@pytest.mark.parametrize(("owner", "expected"), [(None, "7:8"), (Owner(5, 6), "5:6")])
def test_owners_of_an_archive(owner: Owner | None, expected: str) -> None:
    """One that is asked for is for all that the archive names, and the destination."""
    archive = make_tar([entry("deep/a", b"x", uid=7, gid=8)])
    writer, out = copies("/new/", mode=0o600, owner=owner)
    unpack_archive(open_tar(archive), writer)
    writer.finish()
    assert list_layer(out.getvalue()) == {
        "new": f"dir 755 {expected if owner else '0:0'}",
        "new/deep": "dir 755 0:0",
        "new/deep/a": f"file 644 {expected} 'x'",
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
        ("/srv/", [".wh.a"], "`/srv/.wh.a` has a name that means in layers that something is gone"),
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
        (":extra", Owner(0, 50)),
        ("root:root", Owner(0, 0)),
    ],
)
def test_owners(text: str, expected: Owner | None) -> None:
    assert read_owner(text, root()) == expected


@pytest.mark.parametrize("text", ["nobody", "web:nobody", "-1"])
def test_owners_that_nobody_knows(text: str) -> None:
    with pytest.raises(ArchiveError, match="the image has no"):
        read_owner(text, root())


def test_a_group_that_a_variable_left_out() -> None:
    with pytest.raises(ArchiveError, match="`web:` names no group"):
        read_owner("web:", root())


@pytest.mark.parametrize(
    ("text", "expected"), [("root", Owner(0, 0)), ("root:root", Owner(0, 0)), ("web", None)]
)
def test_owners_where_there_are_no_accounts(text: str, expected: Owner | None) -> None:
    """As in an image that begins with `scratch`, or with `--link`."""
    nowhere = RootScan(lambda _: True)
    if expected:
        assert read_owner(text, nowhere) == expected
    else:
        with pytest.raises(ArchiveError, match="there is no /etc/passwd to look up the user `web`"):
            read_owner(text, nowhere)


_TAR = make_tar([entry("a", b"x")])
_OLD = b"".join(
    (
        _TAR[:148],
        b"%06o\0 " % (sum(_TAR[:512]) - sum(_TAR[148:156]) - sum(_TAR[257:265]) + 256),
        _TAR[156:257],
        bytes(8),
        _TAR[265:],
    )
)


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (_TAR, ""),
        (gzip.compress(_TAR, mtime=0), ".gz"),
        (lzma.compress(_TAR), ".xz"),
        (bz2.compress(_TAR), ".bz2"),
        (zstandard.compress(_TAR), ".zst"),
        (_OLD, ""),  # from before tars had a magic
        (gzip.compress(b"compressed, and no tar" * 99, mtime=0), None),
        (lzma.compress(b""), None),
        (b"\x1f\x8b by its first bytes only", None),
        (b"PK\3\4", None),
        (bytes(1024), None),
        (b"", None),
    ],
)
def test_what_is_an_archive(data: bytes, suffix: str | None) -> None:
    assert find_suffix(io.BytesIO(data)) == suffix
