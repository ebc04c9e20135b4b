"""A layer's description survives, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from envbuild.archive.layer_info import LayerInfo
from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError

INFO = LayerInfo(Digest("a" * 64, 5), "sha256:" + "b" * 64, 10_240, 3)
TEXT = INFO.to_json()


def test_survives() -> None:
    assert TEXT == (
        b'{"body":3,"diff_id":"sha256:%s","digest":"sha256:%s","size":5,"uncompressed":10240}'
        % (b"b" * 64, b"a" * 64)
    )
    assert LayerInfo.from_json(TEXT) == INFO


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        TEXT + b" ",
        TEXT.replace(b'"size":5', b'"size":5.0'),
        TEXT.replace(b'"size":5', b'"size":"5"'),
        TEXT.replace(b'"size":5', b'"size":-5'),
        TEXT.replace(b'"size":5', b'"size":true'),
        TEXT.replace(b'"body":3', b'"body":true'),
        TEXT.replace(b'"body":3', b'"body":-3'),
        TEXT.replace(b'"body":3', b'"body":6'),  # it is a part of the layer
        TEXT.replace(b'"body":3,', b""),
        TEXT.replace(b"aaa", b"xyz"),
        TEXT.replace(b'"diff_id":"sha256:', b'"diff_id":"'),
        TEXT.replace(b"}", b',"more":1}'),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="description"):
        LayerInfo.from_json(data)
