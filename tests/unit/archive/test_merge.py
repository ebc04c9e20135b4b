"""Merged layers: the members of the parts, each path once, one end."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from envbuild.archive.gzip import compress_member
from envbuild.archive.layer import LayerWriter
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.merge import MergePart, merge_layers
from envbuild.core.errors import ArchiveError


def make_part(files: Mapping[str, bytes], *, mode: int = 0o755) -> MergePart:
    """A package's layer with these files, and the directory `opt` with a mode."""
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.directory("opt", mode=mode)
    for path, data in files.items():
        writer.file(path, data)
    info = writer.finish()
    return MergePart(out, info, info.entries)


def merge(*parts: MergePart) -> tuple[bytes, LayerInfo]:
    out = io.BytesIO()
    info = merge_layers(parts, out)
    return out.getvalue(), info


def read_all(layer: bytes) -> dict[str, bytes | None]:
    """Contents by path, None for a directory; a path that is there twice fails."""
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        names = archive.getnames()
        assert len(names) == len(set(names))
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read() if file else None for name, file in files.items()}


def test_all_entries_are_there_once_and_described() -> None:
    layer, info = merge(make_part({"opt/a": b"a"}), make_part({"opt/b": b"b"}))
    assert read_all(layer) == {"opt/a": b"a", "opt/b": b"b", "opt": None}
    tar = gzip.decompress(layer)
    assert info.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert info.digest.hash == hashlib.sha256(layer).hexdigest()
    assert info.uncompressed == len(tar)
    assert {entry.path for entry in info.entries} == {"opt", "opt/a", "opt/b"}


def test_members_are_carried_as_they_are() -> None:
    part = make_part({"opt/a": bytes(range(256)) * 64})
    layer, _ = merge(make_part({"opt/b": b"b"}), part)
    assert part.layer.getvalue()[: part.info.body] in layer  # type: ignore[attr-defined]


def test_merging_one_layer_changes_nothing() -> None:
    part = make_part({"opt/a": b"a"})
    layer, info = merge(part)
    assert layer == part.layer.getvalue()  # type: ignore[attr-defined]
    assert info == part.info


def test_merged_layers_can_be_merged_again() -> None:
    layer, info = merge(make_part({"opt/a": b"a"}), make_part({"opt/b": b"b"}))
    again, _ = merge(MergePart(io.BytesIO(layer), info, info.entries), make_part({"opt/c": b"c"}))
    assert set(read_all(again)) == {"opt", "opt/a", "opt/b", "opt/c"}


def test_the_last_mode_of_a_shared_directory_wins() -> None:
    layer, _ = merge(make_part({}, mode=0o700), make_part({}, mode=0o755))
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        assert archive.getmember("opt").mode == 0o755


def test_a_shared_file_is_there_once() -> None:
    # Some vendors ship one `__init__.py` in several wheels; Docker refuses a layer with a path twice.
    first = make_part({"opt/shared": b"same", "opt/a": b"a"})
    second = make_part({"opt/shared": b"same", "opt/b": b"b"})
    layer, info = merge(first, second)
    assert read_all(layer) == {"opt": None, "opt/shared": b"same", "opt/a": b"a", "opt/b": b"b"}
    assert [entry.path for entry in info.entries].count("opt/shared") == 1


def test_links_survive_where_a_shared_file_is_left_out() -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.file("shared", b"same")
    writer.file("file", b"f", mode=0o4755, uid=7)
    writer.symlink("soft", "file")
    writer.hardlink("hard", "file")
    info = writer.finish()
    layer, _ = merge(make_part({"shared": b"same"}), MergePart(out, info, info.entries))
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        assert archive.getmember("soft").linkname == "file"
        assert archive.getmember("hard").islnk()
        file = archive.getmember("file")
        assert (file.mode, file.uid) == (0o4755, 7)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda layer: layer[:20], "early", id="truncated"),
        pytest.param(lambda layer: b"", "early", id="empty"),
        pytest.param(lambda layer: layer[:30] + b"\xff" * 8 + layer[38:], "broken", id="flipped bytes"),
    ],
)
def test_damaged_parts_are_not_merged(damage: Callable[[bytes], bytes], message: str) -> None:
    part = make_part({"opt/a": bytes(range(256))})
    layer = io.BytesIO(damage(part.layer.getvalue()))  # type: ignore[attr-defined]
    with pytest.raises(ArchiveError, match=message):
        merge(replace(part, layer=layer))


def test_a_part_of_broken_blocks_is_not_merged() -> None:
    part = make_part({})
    body = compress_member(b"x")
    broken = replace(part, layer=io.BytesIO(body), info=replace(part.info, body=len(body)))
    with pytest.raises(ArchiveError, match="block"):
        merge(broken)
