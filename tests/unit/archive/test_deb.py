"""Layers of packages are read back by tarfile; hostile packages are refused."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile

import pytest

from envbuild.archive import deb as deb_module
from envbuild.archive.deb import read_control, write_deb_layer
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
    "absolute": [entry("/etc/passwd", b"x")],
    "parent": [entry("./../etc/passwd", b"x")],
    "inner parent": [entry("./usr/../../etc", b"x")],
    "device": [entry("./dev/null", type=tarfile.CHRTYPE)],
    "fifo": [entry("./pipe", type=tarfile.FIFOTYPE)],
    "sparse": [entry("./sparse", type=tarfile.GNUTYPE_SPARSE)],
    "twice": [entry("./a", b"1"), entry("./a", b"2")],
    # dpkg would let one of them win, depending on which link exists when it unpacks.
    "twice once merged": [entry("./bin/a", b"1"), entry("./usr/bin/a", b"2")],
    "file below a link of its own": [link("./etc/x", "/root"), entry("./etc/x/y", b"1")],
    "hard link to nothing": [entry("./a", type=tarfile.LNKTYPE, linkname="./b")],
    "hard link outside": [entry("./a", type=tarfile.LNKTYPE, linkname="../../etc/shadow")],
    "line feed": [entry("./a\nb", b"x")],
    "not UTF-8": [entry("./a\udcff", b"x")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_entries(name: str) -> None:
    with pytest.raises(ArchiveError):
        layer_of(Deb("hostile", entries=HOSTILE[name]).build())


def packed(data: bytes, suffix: str = ".xz") -> bytes:
    """A package around the bytes of a data member."""
    control = lzma.compress(make_tar([entry("./control", b"Package: a\n")]))
    return make_ar([("debian-binary", b"2.0\n"), ("control.tar.xz", control), (f"data.tar{suffix}", data)])


TAR = make_tar([entry("./a", b"a" * 5000), entry("./b", b"b" * 5000)])

BROKEN = {
    "no ar": b"PK\x03\x04",
    "empty": b"",
    "no members": b"!<arch>\n",
    "cut off": packed(lzma.compress(TAR))[:-200],
    "size is no number": packed(lzma.compress(TAR)).replace(b"4         `\n", b"x         `\n", 1),
    "size over the end": make_ar([("data.tar", b"12")]).replace(b"2         `\n", b"9999999999`\n"),
    "too many members": make_ar([("x", b"")] * 100),
    "unknown compression": packed(b"", ".br"),
    "xz cut off": packed(lzma.compress(TAR)[:-30]),
    "xz damaged": packed(lzma.compress(TAR)[:-60] + bytes(60)),
    "xz with a tail": packed(lzma.compress(TAR) + b"tail"),
    "xz twice": packed(lzma.compress(TAR) * 2),
    "gzip cut off": packed(gzip.compress(TAR)[:-9], ".gz"),
    "zstd cut off": packed(COMPRESSIONS[".zst"](TAR)[:-9], ".zst"),
    "zstd damaged": packed(bytes(50), ".zst"),
    # zstd that declares a window of 1 GiB: a decoder would have to keep as much.
    "zstd that wants memory": packed(bytes.fromhex("28b52ffd00a0") + bytes(20), ".zst"),
    "tar cut off in a header": packed(TAR[:600], ""),
    "tar cut off in a file": packed(TAR[:2000], ""),
    "tar without an end": packed(TAR[: 512 * 22], ""),
    # tarfile itself would take what follows a damaged header for the end, and silently drop a file.
    "tar with a damaged header": packed(TAR.replace(b"./b\0", b"./c\0"), ""),
    "a header of 4 GB": packed(
        entry("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=4_000_000_000)[0].tobuf(
            tarfile.GNU_FORMAT
        ),
        "",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_packages(name: str) -> None:
    with pytest.raises(ArchiveError):
        layer_of(BROKEN[name])


def test_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real limit is too large for a test; what counts is that it holds while unpacking.
    monkeypatch.setattr(deb_module, "MAX_DATA", 1_000_000)
    with pytest.raises(ArchiveError, match="more than 1000000 bytes"):
        layer_of(Deb("bomb", entries=[entry("./zeros", bytes(3_000_000))]).build())


def test_package_without_control() -> None:
    with pytest.raises(ArchiveError, match="no `control"):
        read_control(io.BytesIO(make_ar([("debian-binary", b"2.0\n")])))
