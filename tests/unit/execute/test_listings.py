"""What is listed of a layer is what its bytes say."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from envbuild.archive.decompress import open_compressed
from envbuild.archive.listing import parse_listing
from envbuild.archive.root_scan import RootScan
from envbuild.execute.builtin import Job
from envbuild.execute.listings import make_listing
from envbuild.rule.builtins import LAYER, LISTING
from tests.makers.debian import entry, folder, link, make_tar

BELOW = [folder("gone/"), entry("gone/a"), folder("opaque/"), entry("opaque/a"), entry("file", b"x")]
ODD = [
    folder("home/", 0o700),
    entry("home/a", b"contents", 0o4755, uid=12, gid=34),
    entry("home/again", type=tarfile.LNKTYPE, linkname="home/a"),
    link("home/link", "../file"),
    entry("pipe", type=tarfile.FIFOTYPE),
    entry("terminal", type=tarfile.CHRTYPE),
    entry("disk", type=tarfile.BLKTYPE),
    entry(".wh.gone"),
    folder("opaque/"),
    entry("opaque/.wh..wh..opq"),
    entry("latin-\udce9"),
]


Entry = tuple[tarfile.TarInfo, bytes]


class Written(io.BytesIO):
    """An output in memory."""

    def digest(self) -> object:
        """Nobody asks."""


def listing_of(layer: list[Entry], folder: Path) -> bytes:
    (folder / "layer").write_bytes(make_tar(layer))
    out = Written()
    make_listing(Job({}, {LAYER: folder / "layer"}, {LISTING: out}))  # type: ignore[dict-item]
    return out.getvalue()


def test_the_lines(tmp_path: Path) -> None:
    lines = listing_of(ODD[:4], tmp_path).decode().splitlines()
    assert lines == [
        "directory 0700 0 0 0 00000000\0home\0",
        "file 4755 12 34 0 00000000\0home/a\0",
        "hardlink 0644 0 0 0 00000000\0home/again\0",
        "symlink 0777 0 0 0 00000000\0home/link\0../file",
    ]


def test_a_root_of_listings_is_a_root_of_layers(tmp_path: Path) -> None:
    read, listed = RootScan(lambda _: False), RootScan(lambda _: False)
    for layer in (BELOW, ODD):
        read.add_layer(open_compressed(io.BytesIO(make_tar(layer)), "", limit=1 << 20))
        listed.add_listing(parse_listing(listing_of(layer, tmp_path)))
    assert sorted(read.nodes) == sorted(listed.nodes)
    assert "gone/a" not in listed.nodes
    assert "opaque/a" not in listed.nodes
    for path, node in read.nodes.items():
        other = listed.nodes[path]
        assert (other.is_folder, other.is_link) == (node.is_folder, node.is_link), path
        assert listed.resolve(path) == read.resolve(path)
        if node.is_folder:
            assert (other.mode, other.uid, other.gid) == (node.mode, node.uid, node.gid)
