"""Whatever is written into a layer is read out of it, and is found in its listing."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.layer import LayerWriter
from envbuild.archive.listing import encode_listing, parse_listing

# Every character that a layer may name; the rest has unit tests of its refusal.
PARTS = st.text(
    st.characters(exclude_characters="/\0\n", exclude_categories=["Cs"]), min_size=1, max_size=130
).filter(lambda part: part not in (".", ".."))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=2000), st.integers(0, 0o7777)), max_size=8)


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
