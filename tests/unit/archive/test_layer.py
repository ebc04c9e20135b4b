"""Layers are read back by independent readers: Python's tarfile and gzip, GNU tar and gzip."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest

from envbuild.archive.gzip import compress_member
from envbuild.archive.layer import CHUNK, EPOCH, LayerWriter
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import Kind
from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError

NOISE = random.Random(7).randbytes(300_000)


def deflated(data: bytes) -> bytes:
    """A raw deflate stream as zip tools make it."""
    codec = zlib.compressobj(6, zlib.DEFLATED, -15)
    return codec.compress(data) + codec.flush()


def write_sample(out: io.BytesIO) -> LayerInfo:
    writer = LayerWriter(out)
    writer.directory("opt")
    writer.directory("opt/env")
    writer.directory("opt/env/private", mode=0o700, uid=7, gid=8)
    writer.file("opt/env/small", b"small\n")
    writer.file("opt/env/empty", b"")
    writer.file("opt/env/setuid", b"x", mode=0o4755, uid=3, gid=4)
    writer.deflated_file("opt/env/big", deflated(NOISE), size=len(NOISE), crc=zlib.crc32(NOISE), mode=0o755)
    writer.symlink("opt/env/link", "/usr/bin/python3")
    writer.hardlink("opt/env/again", "opt/env/small")
    return writer.finish()


def read_tar_bytes(tar: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        return archive.getmembers()


def members_of(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        return {member.name: member for member in archive}


def test_tarfile_reads_every_kind_of_entry() -> None:
    out = io.BytesIO()
    info = write_sample(out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        seen = {m.name: (m.type, m.mode, m.uid, m.gid, m.mtime, m.linkname) for m in archive}
        assert seen == {
            "opt/env/small": (tarfile.REGTYPE, 0o644, 0, 0, EPOCH, ""),
            "opt/env/empty": (tarfile.REGTYPE, 0o644, 0, 0, EPOCH, ""),
            "opt/env/setuid": (tarfile.REGTYPE, 0o4755, 3, 4, EPOCH, ""),
            "opt/env/big": (tarfile.REGTYPE, 0o755, 0, 0, EPOCH, ""),
            "opt/env/link": (tarfile.SYMTYPE, 0o777, 0, 0, EPOCH, "/usr/bin/python3"),
            "opt/env/again": (tarfile.LNKTYPE, 0o644, 0, 0, EPOCH, "opt/env/small"),
            "opt": (tarfile.DIRTYPE, 0o755, 0, 0, EPOCH, ""),
            "opt/env": (tarfile.DIRTYPE, 0o755, 0, 0, EPOCH, ""),
            "opt/env/private": (tarfile.DIRTYPE, 0o700, 7, 8, EPOCH, ""),
        }
        big = archive.extractfile("opt/env/big")
        assert big is not None
        assert big.read() == NOISE
    assert [entry.path for entry in info.entries] == list(seen)
    assert info.entries[3].crc32 == zlib.crc32(NOISE)


def test_pipes_and_extended_attributes(tmp_path: Path) -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    attributes = {"user.b": b"\x00\xff=\n", "user.a": b""}
    for path in ("file", "folder"):
        writer.attributes(path, attributes)
    writer.file("file", b"x")
    writer.file("plain", b"x")
    writer.fifo("pipe", mode=0o600, uid=1, gid=2)
    writer.directory("folder")
    info = writer.finish()
    assert [(entry.path, entry.kind) for entry in info.entries][2] == ("pipe", Kind.FIFO)
    members = members_of(out.getvalue())
    assert members["pipe"].isfifo()
    assert (members["pipe"].mode, members["pipe"].uid, members["pipe"].gid) == (0o600, 1, 2)
    assert members["plain"].pax_headers == {}
    # GNU tar reads the attributes, too; the order of the records is that of the names.
    (tmp_path / "layer").write_bytes(out.getvalue())
    command = ["tar", "--xattrs", "--xattrs-include=*", "-tvvzf", str(tmp_path / "layer")]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")
    assert listed.count("  x: 0 user.a\n  x: 4 user.b\n") == 2


def test_directories_come_last_each_before_what_is_in_it() -> None:
    # Layers are merged by what is before the directories, and some extractors make no parents for them.
    writer = LayerWriter(io.BytesIO())
    for path in ("b/c", "a.d", "b", "a", "a/z"):
        writer.directory(path)
    writer.file("a/z/file", b"")
    assert [entry.path for entry in writer.finish().entries] == ["a/z/file", "a", "a.d", "a/z", "b", "b/c"]


def test_what_is_before_the_directories_ends_with_a_member() -> None:
    out = io.BytesIO()
    info = write_sample(out)
    body = gzip.decompress(out.getvalue()[: info.body])
    directories = gzip.decompress(out.getvalue()[info.body :])
    assert [member.name for member in read_tar_bytes(body + bytes(1024))] == [
        entry.path for entry in info.entries if entry.kind != Kind.DIRECTORY
    ]
    assert [member.name for member in read_tar_bytes(directories)] == ["opt", "opt/env", "opt/env/private"]
    assert directories.endswith(bytes(1024))


def test_digests_are_of_the_bytes_written_and_of_the_tar_inside() -> None:
    out = io.BytesIO()
    info = write_sample(out)
    tar = gzip.decompress(out.getvalue())
    assert str(info.digest) == "sha256:" + hashlib.sha256(out.getvalue()).hexdigest()
    assert info.digest.size == len(out.getvalue())
    assert info.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert info.uncompressed == len(tar)


def test_gnu_tar_extracts_a_layer(tmp_path: Path) -> None:
    out = io.BytesIO()
    write_sample(out)
    (tmp_path / "layer.tar.gz").write_bytes(out.getvalue())
    subprocess.run(["gzip", "--test", "layer.tar.gz"], cwd=tmp_path, check=True)
    command = ["tar", "--warning=no-timestamp", "--no-same-owner", "-xzf", "layer.tar.gz"]
    result = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert result.stderr == ""
    assert (tmp_path / "opt/env/big").read_bytes() == NOISE
    assert (tmp_path / "opt/env/again").read_bytes() == b"small\n"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("a" * 100, id="fills the name field"),
        pytest.param("d" * 100 + "/" + "f" * 100, id="splits at the slash into both fields"),
        pytest.param("d" * 155 + "/" + "f" * 100, id="fills both fields"),
        pytest.param("d" * 156 + "/" + "f" * 100, id="too long for the prefix field"),
        pytest.param("f" * 101, id="too long for a name, with no slash to split at"),
        pytest.param("folder/" * 60 + "y", id="too long altogether"),
        pytest.param("données/文件.txt", id="not ASCII"),
        pytest.param("é" * 49, id="a record whose length has as many digits as without them"),
        pytest.param("tab\tand = and space", id="characters that PAX records use themselves"),
    ],
)
def test_names_survive(path: str) -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.file(path, b"data")
    writer.directory(path + ".d")
    writer.symlink(path + ".l", path)
    writer.hardlink(path + ".h", path)
    writer.finish()
    members = members_of(out.getvalue())
    assert list(members) == [path, path + ".l", path + ".h", path + ".d"]
    assert members[path].size == 4
    assert members[path + ".d"].isdir()
    assert members[path + ".l"].linkname == path
    assert members[path + ".h"].linkname == path


def test_pax_record_lengths_count_their_own_digits() -> None:
    # The length is part of what it counts, so it changes its own digits around 10, 100 and 1000.
    for length in [*range(80, 110), *range(980, 1005)]:
        out = io.BytesIO()
        writer = LayerWriter(out)
        path = "é" + ("xxxxxxxxx/" * 100)[: length - 1] + "x"
        writer.file(path, b"")
        writer.finish()
        assert list(members_of(out.getvalue())) == [path]


def test_owners_beyond_the_octal_field_survive() -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.file("f", b"", uid=2_097_152, gid=5)
    writer.finish()
    member = members_of(out.getvalue())["f"]
    assert (member.uid, member.gid) == (2_097_152, 5)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "", ".", "a\0b", "a\nb"]
)
def test_paths_that_could_leave_the_root_are_refused(path: str) -> None:
    with pytest.raises(ArchiveError, match="not a path"):
        LayerWriter(io.BytesIO()).file(path, b"")


def test_a_path_is_there_once() -> None:
    writer = LayerWriter(io.BytesIO())
    writer.directory("a")
    with pytest.raises(ArchiveError, match="twice"):
        writer.file("a", b"")


@pytest.mark.parametrize("target", ["missing", "folder"])
def test_a_hard_link_needs_a_file_before_it(target: str) -> None:
    writer = LayerWriter(io.BytesIO())
    writer.directory("folder")
    with pytest.raises(ArchiveError, match="hard link"):
        writer.hardlink("link", target)


def test_large_files_are_cut_into_members_of_one_size_however_they_come() -> None:
    data = NOISE * 12
    layers = []
    for copied in (False, True):
        out = io.BytesIO()
        writer = LayerWriter(out)
        writer.file("first", b"1")
        if copied:
            writer.copied_file("big", io.BytesIO(data), len(data))
        else:
            writer.file("big", memoryview(data))
        info = writer.finish()
        assert info.entries[1].crc32 == zlib.crc32(data)
        layers.append(out.getvalue())
    assert layers[0] == layers[1]
    assert layers[0].startswith(compress_member(gzip.decompress(layers[0])[:CHUNK]))


def test_a_copied_file_that_ends_early_is_refused() -> None:
    with pytest.raises(ArchiveError, match="`big` ends early"):
        LayerWriter(io.BytesIO()).copied_file("big", io.BytesIO(b"abc"), 4)


def test_carried_chunks_make_the_same_bytes_as_a_carried_stream() -> None:
    stream, out, other = deflated(NOISE), io.BytesIO(), io.BytesIO()
    whole, chunked = LayerWriter(out), LayerWriter(other)
    whole.deflated_file("f", stream, size=len(NOISE), crc=zlib.crc32(NOISE))
    chunks = (stream[at : at + 1000] for at in range(0, len(stream), 1000))
    chunked.deflated_chunks("f", chunks, size=len(NOISE), crc=zlib.crc32(NOISE))
    assert whole.finish() == chunked.finish()
    assert out.getvalue() == other.getvalue()


def test_entries_say_what_was_written() -> None:
    info = write_sample(io.BytesIO())
    kinds = [entry.kind for entry in info.entries]
    files = [Kind.FILE] * 4
    assert kinds == [*files, Kind.SYMLINK, Kind.HARDLINK, *[Kind.DIRECTORY] * 3]
    assert info.entries[5].target == "opt/env/small"


def test_a_sink_that_hashes_is_asked_for_the_digest() -> None:
    # It has hashed all bytes already: doing that again takes a twentieth of a build.
    class Hashed(io.BytesIO):
        def digest(self) -> Digest:
            return Digest(f"{self.tell():064x}", self.tell())

    out = Hashed()
    info = write_sample(out)
    assert info.digest == out.digest()
    assert 0 < info.body < info.digest.size
