"""What `init` writes, and that a failure leaves nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.cli.init import FILES, LOCKS, scaffold
from envbuild.core.errors import SourceError, UsageError


def test_written(tmp_path: Path) -> None:
    with scaffold(tmp_path / "a" / "b"):
        pass
    assert {path.name: path.read_text() for path in (tmp_path / "a" / "b").iterdir()} == FILES


def fail_in(folder: Path) -> None:
    """Fail as locking does: one lock is written already."""
    with scaffold(folder):
        (folder / LOCKS[0]).write_text("{}")
        raise SourceError("the index is unreachable")


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        fail_in(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SourceError):
        fail_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", [*FILES, *LOCKS])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="is there already"), scaffold(tmp_path):
        pass
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}


def test_a_place_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write in"), scaffold(tmp_path / "file" / "below"):
        pass
