"""Layers, listings and descriptions that lay in a cache and are no longer what was put there."""

from __future__ import annotations

import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import encode_listing, parse_listing
from envbuild.archive.merge import MergePart, merge_layers
from tests.makers.layers import LAYERS, make_part, write_sample_wheel
from tests.makers.mutants import fuzz, mutants, read_or_refuse
from tests.makers.reread import check_digests
from tests.makers.wheels import make_wheel, noise

FIRST = make_part(write_sample_wheel(make_wheel("one", {"space/shared.py": b"", "one.py": b"1"})))
# Merged with the first, the one is carried as it is; of the other, which shares a file, each entry is copied.
CARRIED = make_part(write_sample_wheel(make_wheel("two", {"two.py": b"2", "space/big": noise(20_000)})))
COPIED = make_part(
    write_sample_wheel(make_wheel("three", {"space/shared.py": b"", "space/x": noise(20_000)}))
)
INFO = CARRIED.info.to_json()
LISTING = encode_listing(make_part(LAYERS["deb: odd"]).entries)


def bytes_of(part: MergePart) -> bytes:
    part.layer.seek(0)
    return part.layer.read()


def merge(part: MergePart, layer: bytes) -> bytes | None:
    """The tar of the first layer merged with one that has other bytes, None where that is refused."""
    out = io.BytesIO()
    changed = replace(part, layer=io.BytesIO(layer))
    info = read_or_refuse(lambda: merge_layers([FIRST, changed], out))
    return check_digests(out.getvalue(), info) if info else None


@fuzz
@given(mutants(bytes_of(CARRIED), limit=2))
def test_changed_layers_that_are_carried(layer: bytes) -> None:
    merge(CARRIED, layer)


@fuzz
@given(mutants(bytes_of(COPIED), limit=2))
def test_changed_layers_that_are_copied(layer: bytes) -> None:
    merge(COPIED, layer)


@fuzz
@given(mutants(INFO) | st.binary())
def test_descriptions(data: bytes) -> None:
    info = read_or_refuse(lambda: LayerInfo.from_json(data))
    assert info is None or info.to_json() == data


@fuzz
@given(mutants(LISTING) | st.binary())
def test_listings(data: bytes) -> None:
    entries = read_or_refuse(lambda: parse_listing(data))
    assert entries is None or encode_listing(entries) == data


def test_what_nobody_changed_is_read() -> None:
    assert merge(CARRIED, bytes_of(CARRIED))
    assert merge(COPIED, bytes_of(COPIED))
    assert LayerInfo.from_json(INFO) == replace(CARRIED.info, entries=())
    assert encode_listing(parse_listing(LISTING)) == LISTING
