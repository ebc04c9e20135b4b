"""Whatever is written into a layer is read out of it, and is found in its listing."""

from __future__ import annotations

import io
import tarfile
import zlib

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.layer import LayerWriter
from envbuild.archive.listing import encode_listing, folders_above, parse_listing
from envbuild.archive.merge import MergePart, merge_layers
from tests.makers.zips import raw_deflate

# Every character that a layer may name; the rest has unit tests of its refusal.
PARTS = st.text(
    st.characters(exclude_characters="/\0\n", exclude_categories=["Cs"]), min_size=1, max_size=63
).filter(lambda part: part not in (".", ".."))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=2000), st.integers(0, 0o7777)), max_size=8)

# Few names, so that packages share folders and files; a name is a file or a folder, never both.
SHARING = st.dictionaries(
    st.builds(
        lambda folder, file: f"{folder}{file}",
        st.sampled_from(["", "a/", "a/b/", "c/"]),
        st.sampled_from("xyz"),
    ),
    st.booleans(),
    max_size=8,
)


def read_layer(layer: bytes) -> list[tuple[str, bytes | None]]:
    """Paths with contents, None for what is no file, in order."""
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        return [(m.name, file.read() if (file := archive.extractfile(m)) else None) for m in archive]


def contents_of(path: str, *, large: bool) -> bytes:
    """The same for each package that has this path."""
    return path.encode() * (10_000 if large else 1)


@given(FILES, st.integers(0, 3_000_000))
def test_what_is_written_is_read(files: dict[str, tuple[bytes, int]], uid: int) -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    for path, (data, mode) in files.items():
        writer.file(path, data, mode=mode, uid=uid)
    info = writer.finish()
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        read = {m.name: (file.read(), m.mode) for m in archive if (file := archive.extractfile(m))}
        assert {member.uid for member in archive} <= {uid}
    assert read == files
    assert parse_listing(encode_listing(info.entries)) == info.entries


@given(st.lists(SHARING, min_size=1, max_size=4))
def test_a_merged_layer_is_the_union_of_its_parts(packages: list[dict[str, bool]]) -> None:
    sizes = {path: large for package in reversed(packages) for path, large in package.items()}
    files = {path: contents_of(path, large=large) for path, large in sizes.items()}
    out = io.BytesIO()
    info = merge_layers([make_part({path: files[path] for path in package}) for package in packages], out)
    read = read_layer(out.getvalue())
    assert [entry.path for entry in info.entries] == [path for path, _ in read]
    folders = [(path, None) for path in sorted(folders_above(files))]
    assert read[len(files) :] == folders
    assert sorted(read[: len(files)]) == sorted(files.items())


def make_part(files: dict[str, bytes]) -> MergePart:
    """A package's layer; what is long enough is carried as a stream."""
    out = io.BytesIO()
    writer = LayerWriter(out)
    for path, data in files.items():
        if len(data) > 10_000:
            writer.deflated_file(path, raw_deflate(data), size=len(data), crc=zlib.crc32(data))
        else:
            writer.file(path, data)
    for path in sorted(folders_above(files)):
        writer.directory(path)
    info = writer.finish()
    return MergePart(out, info, info.entries)
