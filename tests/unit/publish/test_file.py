"""A file that a user names appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envbuild.core.errors import EnvbuildError, StoreError
from envbuild.publish.file import write_whole


def test_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "out", [b"one ", b"two"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out": b"one two"}


def test_a_failure_on_the_way_leaves_what_was_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise EnvbuildError("broken off")

    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(EnvbuildError, match="broken off"):
        write_whole(tmp_path / "out", pieces())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out": b"old"}


@pytest.mark.parametrize("name", ["missing/out", "folder"])
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=f"cannot write `{tmp_path / name}`"):
        write_whole(tmp_path / name, [b"x"])
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
