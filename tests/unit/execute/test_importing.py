from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import BuildError
from envbuild.execute.importing import ImportingExecutor
from envbuild.rule.declared import SourceFile
from envbuild.store.disk import DiskStore
from tests.makers.actions import OUT, bind, declare, executor


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_bytes(b"train")
    return path


def importing(store: DiskStore, file: Path, content: bytes) -> ImportingExecutor:
    return ImportingExecutor(executor(store.root), store, {Digest.of(content).hash: file})


def reading(content: bytes) -> SourceFile:
    return SourceFile(Digest.of(content), executable=False, path="")


def test_a_file_is_read_from_the_store(tmp_path: Path, file: Path) -> None:
    store = DiskStore(tmp_path / "store")
    run = importing(store, file, b"train").run
    result, _ = run(bind(declare("", inputs={"file": reading(b"train")})))
    assert store.read(result.outputs[OUT]) == b"train"


def test_a_file_that_changed_since_it_was_hashed_is_an_error(tmp_path: Path, file: Path) -> None:
    store = DiskStore(tmp_path / "store")
    run = importing(store, file, b"as it was").run
    with pytest.raises(BuildError, match="changed during the build"):
        run(bind(declare("", inputs={"file": reading(b"as it was")})))
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_file_that_is_gone_is_an_error(tmp_path: Path, file: Path) -> None:
    file.unlink()
    run = importing(DiskStore(tmp_path / "store"), file, b"train").run
    with pytest.raises(BuildError, match="cannot be read any more"):
        run(bind(declare("", inputs={"file": reading(b"train")})))
