"""Layers of packages are read back by tarfile; hostile packages are refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zlib

import pytest

from envbuild.archive import deb as deb_module
from envbuild.archive.deb import MAX_CONTROL, read_control, read_files, write_deb_layer
from envbuild.archive.layer import EPOCH
from envbuild.core.errors import ArchiveError
from tests.makers.debian import COMPRESSIONS, Deb, entry, folder, link, make_ar, make_tar

SAMPLE = (
    folder("./bin/"),
    entry("./bin/tool", b"\x7fELF", 0o755),
    folder("./usr/"),
    folder("./usr/bin/"),
    entry("./usr/bin/su", b"su", 0o4755, uid=3, gid=4),
    entry("./usr/bin/again", type=tarfile.LNKTYPE, linkname="./bin/tool"),
    link("./lib/ld.so", "ld-2.so"),
    folder("./var/shared/", 0o2775),
    entry("./usr/share/big", bytes(range(256)) * 9000),
    entry("./usr/share/" + "n" * 180 + "/ä", b"long"),
)


def layer_of(data: bytes) -> dict[str, tarfile.TarInfo]:
    """The entries of a package's layer by path."""
    out = io.BytesIO()
    write_deb_layer(io.BytesIO(data), out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as tar:
        return {member.name: member for member in tar}


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_layer(suffix: str) -> None:
    layer = layer_of(Deb("sample", entries=SAMPLE, suffix=suffix).build())
    long = "usr/share/" + "n" * 180 + "/ä"
    files = [path for path, member in layer.items() if not member.isdir()]
    assert files == ["usr/bin/tool", "usr/bin/su", "usr/bin/again", "usr/lib/ld.so", "usr/share/big", long]
    # `bin` becomes `usr/bin`, once, and hides no link of the layer below; every folder above a file is named.
    above = [long.removesuffix("/ä"), "usr", "usr/bin", "usr/lib", "usr/share", "var", "var/shared"]
    assert [path for path, member in layer.items() if member.isdir()] == sorted(above)
    su, again, shared = (layer[name] for name in ("usr/bin/su", "usr/bin/again", "var/shared"))
    assert (su.mode, su.uid, su.gid, su.mtime) == (0o4755, 3, 4, EPOCH)
    assert (again.type, again.linkname) == (tarfile.LNKTYPE, "usr/bin/tool")
    assert (shared.type, shared.mode) == (tarfile.DIRTYPE, 0o2775)
    assert (layer["usr/lib/ld.so"].linkname, layer[long].size) == ("ld-2.so", 4)


def test_contents() -> None:
    out = io.BytesIO()
    write_deb_layer(io.BytesIO(Deb("sample", entries=SAMPLE).build()), out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as tar:
        big = tar.extractfile("usr/share/big")
        assert big
        assert big.read() == bytes(range(256)) * 9000


def test_layer_does_not_depend_on_compression() -> None:
    layers = set()
    for suffix in COMPRESSIONS:
        out = io.BytesIO()
        write_deb_layer(io.BytesIO(Deb("sample", entries=SAMPLE, suffix=suffix).build()), out)
        layers.add(out.getvalue())
    assert len(layers) == 1


def test_links_of_merged_usr_are_left_to_the_root_layer() -> None:
    # base-files of Debian 13 brings the links that are folders in Debian 12's.
    assert list(layer_of(Deb("base", entries=[link("./bin", "usr/bin"), folder("./etc/")]).build())) == [
        "etc"
    ]


def test_control_files() -> None:
    control = read_control(io.BytesIO(Deb("sample", scripts={"postinst": "#!/bin/sh\n"}).build()))
    assert control["postinst"] == b"#!/bin/sh\n"
    assert control["control"].startswith(b"Package: sample\n")


HOSTILE = {
    "absolute": ([entry("/etc/passwd", b"x")], "`/etc/passwd` is not a path"),
    "parent": ([entry("./../etc/passwd", b"x")], "`../etc/passwd` is not a path"),
    "inner parent": ([entry("./usr/../../etc", b"x")], "is not a path"),
    "device": ([entry("./dev/null", type=tarfile.CHRTYPE)], "neither a file nor a folder nor a link"),
    "disk": ([entry("./dev/sda", type=tarfile.BLKTYPE)], "neither a file nor a folder nor a link"),
    "fifo": ([entry("./pipe", type=tarfile.FIFOTYPE)], "neither a file nor a folder nor a link"),
    "contiguous": ([entry("./a", b"x", type=tarfile.CONTTYPE)], "neither a file nor a folder nor a link"),
    "unknown type": ([entry("./a", b"x", type=b"Z")], "neither a file nor a folder nor a link"),
    "sparse": ([entry("./sparse", type=tarfile.GNUTYPE_SPARSE)], "neither a file nor a folder nor a link"),
    "twice": ([entry("./a", b"1"), entry("./a", b"2")], "`a` is there twice"),
    # dpkg would let one of them win, depending on which link exists when it unpacks.
    "twice once merged": ([entry("./bin/a", b"1"), entry("./usr/bin/a", b"2")], "`usr/bin/a` is there twice"),
    "file and folder": ([entry("./a", b"1"), folder("./a")], "`a` is there twice"),
    "file below a link of its own": (
        [link("./etc/x", "/root"), entry("./etc/x/y", b"1")],
        "`etc/x` is there twice",
    ),
    "hard link to nothing": ([entry("./a", type=tarfile.LNKTYPE, linkname="./b")], "no file before it"),
    "hard link outside": (
        [entry("./a", type=tarfile.LNKTYPE, linkname="../../etc/shadow")],
        "no file before it",
    ),
    "hard link to a link": (
        [link("./b", "/etc/shadow"), entry("./a", type=tarfile.LNKTYPE, linkname="./b")],
        "no file before it",
    ),
    "link to nothing": ([link("./a", "")], "`a` links to ``, which is no path"),
    "link with a line feed": ([link("./a", "b\nc")], "which is no path"),
    "link that is too long": ([link("./a", "b/" * 2048)], "which is no path"),
    "line feed": ([entry("./a\nb", b"x")], "is not a path"),
    "not UTF-8": ([entry("./a\udcff", b"x")], "not Unicode text"),
    "long name": ([entry("./" + "n" * 256, b"x")], "is too long: paths have at most 4095 bytes, names 255"),
    "long path": ([entry("./" + "/".join(["n" * 200] * 21), b"x")], "is too long"),
    "deep path": ([entry("./" + "n/" * 128 + "n", b"x")], "lies more than 128 folders deep"),
    # What is a file to one reader is the root to another.
    "file in place of the root": ([entry("./", b"x", type=tarfile.REGTYPE)], "is not a path"),
    "link in place of the root": ([link(".", "/etc")], "is not a path"),
    # Some readers skip as many bytes, and others take them for the next header.
    "folder with contents": (
        [entry("./a", b"x" * 512, type=tarfile.DIRTYPE)],
        "states 512 bytes of contents",
    ),
    "link with contents": (
        [entry("./a", b"x", type=tarfile.SYMTYPE, linkname="b")],
        "states 1 bytes of contents",
    ),
    "negative owner": ([entry("./a", b"x", uid=-5)], "owner that cannot be"),
    "owner of too many bits": ([entry("./a", b"x", gid=1 << 32)], "owner that cannot be"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_entries(name: str) -> None:
    entries, message = HOSTILE[name]
    with pytest.raises(ArchiveError, match=re.escape(message)):
        layer_of(Deb("hostile", entries=entries).build())


def test_names_that_differ_in_case_only_are_two_files() -> None:
    # Linux tells them apart, and its own headers have such names.
    assert [*layer_of(Deb("x", entries=[entry("./xt_MARK.h"), entry("./xt_mark.h")]).build())] == [
        "xt_MARK.h",
        "xt_mark.h",
    ]


def packed(data: bytes, suffix: str = ".xz") -> bytes:
    """A package around the bytes of a data member."""
    control = lzma.compress(make_tar([entry("./control", b"Package: a\n")]))
    return make_ar([("debian-binary", b"2.0\n"), ("control.tar.xz", control), (f"data.tar{suffix}", data)])


TAR = make_tar([entry("./a", b"a" * 5000), entry("./b", b"b" * 5000)])


def pax(records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extended header that holds these bytes."""
    info, _ = entry("././@PaxHeader", type=kind, size=len(records))
    return info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)


LONG_NAME = entry("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=2)[0].tobuf() + b"a\0".ljust(
    512, b"\0"
)
SPARSE = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n23 GNU.sparse.name=./a\n26 GNU.sparse.realsize=10\n"
MAP = b"99999999\n" + b"0\n" * 100_000
ENTRY = make_tar([entry("./a", b"a")])

XZ = lzma.compress(TAR)
XZ_BLOCK = XZ[12:16] + b"\x28" + XZ[17:20]  # the block's header with another size, and its CRC behind it
XZ_4G = XZ[:12] + XZ_BLOCK + zlib.crc32(XZ_BLOCK).to_bytes(4, "little") + XZ[24:]

BROKEN = {
    "no ar": (b"PK\x03\x04", "does not begin as an ar archive"),
    "empty": (b"", "does not begin as an ar archive"),
    "no members": (b"!<arch>\n", "no `data.tar`"),
    "cut off": (packed(lzma.compress(TAR))[:-40], "ends early or has too many members"),
    "size is no number": (
        packed(lzma.compress(TAR)).replace(b"4         `\n", b"x         `\n", 1),
        "malformed member header",
    ),
    "negative size": (
        packed(lzma.compress(TAR)).replace(b"4         `\n", b"-4        `\n", 1),
        "malformed member header",
    ),
    "size over the end": (
        make_ar([("data.tar", b"12")]).replace(b"2         `\n", b"9999999999`\n"),
        "ends early or has too many members",
    ),
    "too many members": (make_ar([("x", b"")] * 100), "ends early or has too many members"),
    "a tail": (packed(TAR, "") + b"tail", "malformed member header"),
    # Of two members of one name, one reader takes the first and another the last.
    "data twice": (packed(TAR, "") + make_ar([("data.tar", TAR)])[8:], "several `data.tar`"),
    "data in two forms": (packed(TAR, "") + make_ar([("data.tar.gz", b"")])[8:], "several `data.tar`"),
    "unknown compression": (packed(b"", ".br"), "compression `.br` is not supported"),
    "xz cut off": (packed(lzma.compress(TAR)[:-30]), "xz stream ends early"),
    "xz damaged": (packed(lzma.compress(TAR)[:-60] + bytes(60)), "xz stream is broken"),
    "xz with a tail": (packed(lzma.compress(TAR) + b"tail"), "xz stream is followed by bytes"),
    "xz twice": (packed(lzma.compress(TAR) * 2), "xz stream is followed by bytes"),
    "gzip cut off": (packed(gzip.compress(TAR)[:-9], ".gz"), "gzip file ends early"),
    "gzip with another CRC": (packed(gzip.compress(TAR)[:-8] + bytes(8), ".gz"), "deflate stream is broken"),
    "gzip with a tail": (packed(gzip.compress(TAR) + b"tail", ".gz"), "deflate stream is broken"),
    # An xz block that declares a dictionary of 4 GiB: a decoder would have to keep as much.
    "xz that wants memory": (packed(XZ_4G), "wants too much memory"),
    "bzip2 cut off": (packed(bz2.compress(TAR)[:-9], ".bz2"), "bzip2 stream ends early"),
    "bzip2 damaged": (packed(bz2.compress(TAR)[:-60] + bytes(60), ".bz2"), "bzip2 stream"),
    "bzip2 with a tail": (packed(bz2.compress(TAR) + b"tail", ".bz2"), "bzip2 stream is followed by bytes"),
    "bzip2 with a long tail": (packed(bz2.compress(TAR) + b"x" * 70_000, ".bz2"), "bzip2 stream is followed"),
    "zstd cut off": (packed(COMPRESSIONS[".zst"](TAR)[:-9], ".zst"), "zstd stream ends early"),
    "zstd without its last byte": (packed(COMPRESSIONS[".zst"](TAR)[:-1], ".zst"), "zstd stream ends early"),
    "zstd damaged": (packed(bytes(50), ".zst"), "zstd stream is broken"),
    "zstd with a tail": (packed(COMPRESSIONS[".zst"](TAR) + b"tail", ".zst"), "zstd stream is followed by"),
    "zstd with a long tail": (packed(COMPRESSIONS[".zst"](TAR) + b"x" * 5000, ".zst"), "is followed by"),
    "zstd twice": (packed(COMPRESSIONS[".zst"](TAR) * 2, ".zst"), "zstd stream is followed by"),
    # zstd that declares a window of 1 GiB: a decoder would have to keep as much.
    "zstd that wants memory": (packed(bytes.fromhex("28b52ffd00a0") + bytes(20), ".zst"), "too much memory"),
    "tar cut off in a header": (packed(TAR[:600], ""), "ends early"),
    "tar cut off in a file": (packed(TAR[:2000], ""), "ends early"),
    "tar without an end": (packed(TAR[: 512 * 22], ""), "cut off or has a damaged header"),
    # tarfile itself would take what follows a damaged header for the end, and silently drop a file.
    "tar with a damaged header": (packed(TAR.replace(b"./b\0", b"./c\0"), ""), "a damaged header"),
    "tar with a tail": (packed(TAR + b"tail", ""), "followed by bytes that are not its own"),
    "tar twice": (packed(TAR + TAR, ""), "followed by bytes that are not its own"),
    "a header of 4 GB": (
        packed(
            entry("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=4_000_000_000)[0].tobuf(
                tarfile.GNU_FORMAT
            ),
            "",
        ),
        "headers take more than 65536 bytes",
    ),
    # tarfile calls itself for each, and a thousand are too many.
    "long names without end": (packed(LONG_NAME * 2000 + ENTRY, ""), "headers take more than 65536 bytes"),
    "a sparse map without end": (
        packed(pax(SPARSE) + make_tar([entry("./a", MAP)]), ""),
        "headers take more than 65536 bytes",
    ),
    # Some releases of Python search it in quadratic time (CVE-2024-6232).
    "a number without end": (packed(pax(b"1" * 20_000) + ENTRY, ""), "number of absurd length"),
    "a path for all": (packed(pax(b"9 path=b\n", b"g") + ENTRY, ""), "a header for all that follows"),
    "a time that is no number": (packed(pax(b"13 mtime=nan\n") + ENTRY, ""), "time that cannot be"),
    "a time without end": (packed(pax(b"15 mtime=1e400\n") + ENTRY, ""), "time that cannot be"),
    "a size beyond the end": (packed(pax(b"18 size=999999999\n") + ENTRY, ""), "ends early"),
    "a negative size": (packed(pax(b"11 size=-1\n") + ENTRY, ""), "states -1 bytes"),
    "a path with a NUL": (packed(pax(b"12 path=a\0b\n") + ENTRY, ""), "has a NUL in its name"),
    "a target with a NUL": (packed(pax(b"16 linkpath=a\0b\n") + ENTRY, ""), "has a NUL in its name"),
    "an attribute with a NUL": (packed(pax(b"23 SCHILY.xattr.u\0s=x\n") + ENTRY, ""), "has a NUL in its"),
    "no path": (packed(pax(b"8 path=\n") + ENTRY, ""), "not a path"),
}


def test_a_comment_for_all_is_read() -> None:
    # `git archive` writes one.
    assert list(layer_of(packed(pax(b"15 comment=abc\n", b"g") + ENTRY, ""))) == ["a"]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_packages(name: str) -> None:
    data, message = BROKEN[name]
    with pytest.raises(ArchiveError, match=re.escape(message)):
        layer_of(data)


def test_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real limit is too large for a test; what counts is that it holds while unpacking.
    monkeypatch.setattr(deb_module, "MAX_DATA", 1_000_000)
    with pytest.raises(ArchiveError, match="more than 1000000 bytes"):
        layer_of(Deb("bomb", entries=[entry("./zeros", bytes(3_000_000))]).build())


def test_package_without_control() -> None:
    with pytest.raises(ArchiveError, match="no `control"):
        read_control(io.BytesIO(make_ar([("debian-binary", b"2.0\n")])))


CONTROL = entry("./control", b"Package: a\n")

BROKEN_CONTROL = {
    "twice": (
        make_tar([CONTROL, entry("control", b"Package: b\n")]),
        "`control` is in a Debian package's control",
    ),
    "a link": (make_tar([link("./control", "/etc/passwd")]), "no `control`"),
    "a device": (make_tar([CONTROL, entry("./null", type=tarfile.CHRTYPE)]), "neither a file nor"),
    "a bomb": (make_tar([entry("./control", bytes(MAX_CONTROL))]), f"more than {MAX_CONTROL} bytes"),
}


@pytest.mark.parametrize("name", BROKEN_CONTROL)
def test_broken_control_files(name: str) -> None:
    tar, message = BROKEN_CONTROL[name]
    with pytest.raises(ArchiveError, match=re.escape(message)):
        read_control(io.BytesIO(make_ar([("control.tar.gz", gzip.compress(tar, 1))])))


def test_a_package_has_one_set_of_control_files() -> None:
    member = ("control.tar", make_tar([CONTROL]))
    with pytest.raises(ArchiveError, match=r"several `control\.tar`"):
        read_control(io.BytesIO(make_ar([member, member])))


def test_templates_are_read_up_to_a_size() -> None:
    data = gzip.compress(make_tar([entry("./a", bytes(MAX_CONTROL)), entry("./b", b"x")]), 1)
    with pytest.raises(ArchiveError, match="`b` is too large to be a template"):
        read_files(io.BytesIO(make_ar([("data.tar.gz", data)])), lambda path: True)


def test_templates_do_not_lie_outside() -> None:
    data = make_tar([entry("./usr/share/ca-certificates/../../../etc/x.crt", b"x")])
    with pytest.raises(ArchiveError, match="not a path"):
        read_files(io.BytesIO(make_ar([("data.tar", data)])), lambda path: True)
