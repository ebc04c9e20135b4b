"""Both formats of conda packages are read, whatever lies where; what is no package is refused."""

from __future__ import annotations

import bz2
import io
from dataclasses import replace

import pytest
import zstandard

from envbuild.archive.conda_package import MAX_DOCUMENT, CondaPackage
from envbuild.core.errors import ArchiveError
from tests.makers.conda_packages import CondaPackage as Package
from tests.makers.conda_packages import pack, stored
from tests.makers.debian import entry, folder, make_tar
from tests.makers.wheels import noise
from tests.makers.zips import assemble_zip, deflated

SAMPLE = Package("sample", {"bin/a": "1", "lib/b": b"2" * 3000}, noarch="python")
INDEX = entry("info/index.json", b"{}")
PATHS = entry("info/paths.json", b'{"paths": []}')
LINK = entry("info/link.json", b"{}")
VERSION = stored("metadata.json", b'{"conda_pkg_format_version": 2}')


def read(data: bytes) -> tuple[set[str], dict[str, bytes]]:
    """The names of the documents, and the files."""
    package = CondaPackage(io.BytesIO(data))
    info = package.read_info()
    return set(info), {path: contents.read(file.size) for path, file, contents in package.contents()}


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_both_formats(suffix: str) -> None:
    documents, files = read(replace(SAMPLE, suffix=suffix).build_package())
    assert {"index.json", "paths.json", "link.json"} <= documents
    assert "about.json" not in documents  # nothing looks at it
    assert files == {"bin/a": b"1", "lib/b": b"2" * 3000}


def test_names_may_begin_with_a_dot_and_folders_may_be_there() -> None:
    contents = [folder("./"), folder("./lib/"), entry("./lib/a", b"1")]
    info = [folder("info/"), entry("./info/index.json", b"{}")]
    assert read(pack("x-1-0", make_tar(contents), make_tar(info))) == ({"index.json"}, {"lib/a": b"1"})


def test_what_describes_may_lie_among_the_files() -> None:
    # As conda-build packs licences; what counts must lie where it belongs.
    licence = entry("info/licenses/LICENSE.txt", b"MIT")
    assert read(pack("x-1-0", make_tar([licence, entry("a", b"1")]), make_tar([INDEX])))[1] == {"a": b"1"}
    with pytest.raises(ArchiveError, match="lies among the package's files"):
        read(pack("x-1-0", make_tar([PATHS]), make_tar([INDEX])))
    with pytest.raises(ArchiveError, match="lies among what describes"):
        read(pack("x-1-0", make_tar([]), make_tar([INDEX, entry("bin/a")])))


def test_documents_behind_the_files_of_an_old_format() -> None:
    any_python = entry("info/index.json", b'{"noarch": "python"}')
    for entries in (
        [entry("a", b"1"), INDEX, PATHS],
        [any_python, PATHS, entry("a", b"1"), LINK],
        [INDEX, entry("info/files", b"a\n"), entry("a", b"1"), entry("info/has_prefix", b"a\n")],
    ):
        documents, files = read(bz2.compress(make_tar(entries)))
        assert documents == {each.name.removeprefix("info/") for each, _ in entries if "info" in each.name}
        assert files == {"a": b"1"}


def test_documents_before_the_files_are_not_looked_for_behind() -> None:
    # Looking would unpack everything twice: broken files are met when they are read.
    tar = make_tar([INDEX, PATHS, entry("a", noise(3_000_000))])
    packed = bz2.compress(tar)
    package = CondaPackage(io.BytesIO(packed[:-100]))
    assert package.read_info().keys() == {"index.json", "paths.json"}
    with pytest.raises(ArchiveError, match="ends early"):
        [contents.read(1) for _, _, contents in package.contents()]


def test_frames_one_behind_another() -> None:
    compress = zstandard.ZstdCompressor().compress
    tar, info = make_tar([entry("a", b"1" * 5000)]), make_tar([INDEX])
    contents = compress(tar[:600]) + compress(tar[600:])
    members = [VERSION, stored("pkg-x.tar.zst", contents), stored("info-x.tar.zst", compress(info))]
    assert read(assemble_zip(members)) == ({"index.json"}, {"a": b"1" * 5000})


def twice(name: str) -> bytes:
    return bz2.compress(make_tar([INDEX, PATHS, entry(name, b"1"), entry(f"./{name}", b"2")]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends early"),
        (b"BZh", "ends early"),
        (b"no package at all", "bzip2 stream is broken"),
        (b"PK\3\4 and no zip", "no end of a zip directory"),
        (SAMPLE.build_package()[:-30], "no end of a zip directory"),
        (SAMPLE.build_package() + b"1", "no end of a zip directory"),
        (assemble_zip([stored("a", b"1")]), "no `metadata.json`"),
        (assemble_zip([stored("metadata.json", b"{")]), "is no JSON"),
        (assemble_zip([stored("metadata.json", b"[]")]), "is of format None"),
        (assemble_zip([stored("metadata.json", b'{"conda_pkg_format_version": 3}')]), "is of format 3"),
        (twice("lib/a"), "is in the package twice"),
        (twice("info/index.json"), "is in the package twice"),
        (twice("info/about.json"), "is in the package twice"),
        (bz2.compress(make_tar([entry("info/index.json", type=b"2", linkname="x")])), "is no file"),
        (bz2.compress(make_tar([entry("info/paths.json", bytes(MAX_DOCUMENT + 1))])), "larger than"),
    ],
)
def test_what_is_no_package(data: bytes, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        read(data)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([stored("info-x.tar.zst", b"")], "has no `pkg-"),
        ([stored("pkg-x.tar.zst", b"")], "has no `info-"),
        ([stored("info-x.tar.zst", b""), stored("info-y.tar.zst", b"")], "has several `info-"),
        ([deflated("info-x.tar.zst", b"1" * 99), stored("pkg-x.tar.zst", b"")], "compressed by the zip"),
        ([stored("info-x.tar.zst", b""), stored("pkg-x.tar.zst", b"")], "zstd stream ends early"),
        ([stored("info-x.tar.zst", b"no zstd"), stored("pkg-x.tar.zst", b"")], "zstd stream is broken"),
        ([stored("deep/info-x.tar.zst", b""), stored("pkg-x.tar.zst", b"")], "has no `info-"),
    ],
)
def test_zips_that_are_no_package(members: list[object], message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        read(assemble_zip([VERSION, *members]))  # type: ignore[list-item]
