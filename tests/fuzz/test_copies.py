"""Archives that are unpacked onto a root: nothing goes elsewhere than below the destination, or its links."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.copy_layer import CopyWriter, Destination, unpack_archive
from envbuild.archive.decompress import open_compressed
from envbuild.archive.layer import LayerWriter
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import Kind
from envbuild.archive.root_scan import RootScan
from tests.makers.debian import entry, folder, link, make_tar
from tests.makers.mutants import fuzz, mutants, read_or_refuse
from tests.makers.reread import check_layer

ROOT = make_tar([folder("app/"), link("bin", "usr/bin"), folder("usr/bin/"), entry("app/file", b"x")])
ENTRIES = [folder("a/"), entry("a/b", b"contents"), link("a/c", "../../etc"), entry("d", b"x" * 600)]
HARD = entry("a/again", type=tarfile.LNKTYPE, linkname="a/b")
ARCHIVE = make_tar([*ENTRIES, HARD])
NAMES = st.sampled_from(
    ["a", "a/b", "a/c/d", "file", "file/x", "../x", "/x", ".", "", "d/" * 130 + "d", "a/./b", "\udcff"]
)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])


def unpack(archive: bytes) -> tuple[bytes, LayerInfo] | None:
    """The layer of an archive that is unpacked into /app, None where that is refused."""
    root = RootScan(lambda _: False)
    root.add_layer(open_compressed(io.BytesIO(ROOT), "", limit=1 << 20))
    out = io.BytesIO()
    copies = CopyWriter(root, LayerWriter(out), Destination("/app/"))

    def write() -> LayerInfo:
        unpack_archive(open_compressed(io.BytesIO(archive), "", limit=1 << 20), copies)
        return copies.finish()

    info = read_or_refuse(write)
    return (out.getvalue(), info) if info else None


def check(archive: bytes) -> None:
    if written := unpack(archive):
        layer, info = written
        check_layer(layer, info)
        assert all(f"{each.path}/".startswith("app/") for each in info.entries)


@fuzz
@given(mutants(ARCHIVE, marks=range(0, len(ARCHIVE), 512)))
def test_changed_bytes(archive: bytes) -> None:
    check(archive)


@fuzz
@given(st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=6))
def test_any_entries(entries: list[tuple[str, bytes, str]]) -> None:
    check(make_tar([entry(name, type=kind, linkname=target) for name, kind, target in entries]))


def test_what_nobody_changed_is_unpacked() -> None:
    written = unpack(ARCHIVE)
    assert written
    check_layer(*written)
    kinds = {each.path: each.kind for each in written[1].entries}
    assert (kinds["app/a/c"], kinds["app/a/again"]) == (Kind.SYMLINK, Kind.HARDLINK)
