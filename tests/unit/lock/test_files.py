"""Lock files: read once, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.errors import LockError, StoreError
from envbuild.core.label import Label
from envbuild.lock.files import LockFiles
from envbuild.lock.model import Json, Lock

LABEL = Label("", "app")
LOCK = Lock("environment", {"requirements": []}, {})


@pytest.fixture
def looked() -> list[Path]:
    return []


@pytest.fixture
def files(tmp_path: Path, looked: list[Path]) -> LockFiles:
    return LockFiles(tmp_path, looked.append)


def test_where_they_lie(files: LockFiles, tmp_path: Path) -> None:
    assert files.path(Label("a/b", "c")) == tmp_path / "a/b/c.lock.json"


def test_what_is_written_is_read(files: LockFiles, tmp_path: Path) -> None:
    files.write(LABEL, LOCK)
    assert files.read(LABEL) == LockFiles(tmp_path, lambda path: None).read(LABEL) == LOCK
    assert files.known() == ((LABEL, LOCK),)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_long_one_is_read_whole(files: LockFiles, tmp_path: Path) -> None:
    inputs: dict[str, Json] = {"requirements": [f"package-{n}==1.{n}" for n in range(30_000)]}
    files.write(LABEL, Lock("environment", inputs, {}))
    read = LockFiles(tmp_path, lambda path: None).read(LABEL)
    assert read is not None
    assert read.inputs == inputs


def test_a_missing_one_is_looked_for_once(files: LockFiles, looked: list[Path]) -> None:
    # That it is not there is an answer, too, which ends when it comes to be.
    assert files.read(LABEL) is files.read(LABEL) is None
    assert looked == [files.path(LABEL)]
    assert files.known() == ()


def test_a_folder_in_its_place(files: LockFiles) -> None:
    files.path(LABEL).mkdir()
    with pytest.raises(LockError, match=r"cannot read `app\.lock\.json`"):
        files.read(LABEL)
    with pytest.raises(StoreError, match=r"cannot write `app\.lock\.json`"):
        files.write(LABEL, LOCK)
    assert [path.name for path in files.root.iterdir()] == ["app.lock.json"]


def test_one_too_large_is_not_read(files: LockFiles) -> None:
    with files.path(LABEL).open("wb") as file:
        file.truncate(64_000_001)
    with pytest.raises(LockError, match="is broken: it is over 64 MB"):
        files.read(LABEL)
