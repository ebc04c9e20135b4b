"""The no-op memo: right or silent."""

import os
import time
from pathlib import Path

import pytest

from envbuild.graph.memo import question_key, recall, remember, sign

KEY = "0" * 64
# Far enough behind the clock that no input is "too young".
LATER = 10_000_000_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "BUILD.yaml"
    path.write_text("a")
    return path


def keep(folder: Path, *inputs: Path, now: int | None = None) -> bool:
    signatures = {str(path): sign(str(path)) for path in inputs}
    return remember(str(folder), KEY, "up to date\n", signatures, {}, now or time.time_ns() + LATER)


def test_unchanged_inputs_recall_the_answer(tmp_path: Path, source: Path) -> None:
    assert keep(tmp_path / "memo", source)
    assert recall(str(tmp_path / "memo"), KEY) == "up to date\n"


def test_a_change_of_the_same_size_is_seen(tmp_path: Path, source: Path) -> None:
    keep(tmp_path / "memo", source)
    before = source.stat()
    while source.stat().st_ctime_ns == before.st_ctime_ns:  # until the file system's clock ticks
        source.write_text("b")
    # Whoever restores the modification time cannot restore the time of change.
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert recall(str(tmp_path / "memo"), KEY) is None


def test_a_new_file_where_there_was_none_is_seen(tmp_path: Path) -> None:
    missing = tmp_path / "app.lock.json"
    keep(tmp_path / "memo", missing)
    assert recall(str(tmp_path / "memo"), KEY) is not None
    missing.touch()
    assert recall(str(tmp_path / "memo"), KEY) is None


def test_a_new_file_in_a_folder_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    before = folder.stat().st_ctime_ns
    keep(tmp_path / "memo", folder)
    n = 0
    while folder.stat().st_ctime_ns == before:
        (folder / f"new{n}").touch()
        n += 1
    assert recall(str(tmp_path / "memo"), KEY) is None


def test_a_removed_image_is_seen(tmp_path: Path, source: Path) -> None:
    image = tmp_path / "index.json"
    image.touch()
    signatures = {str(source): sign(str(source))}
    assert remember(str(tmp_path), KEY, "there", signatures, {str(image): True}, time.time_ns() + LATER)
    assert recall(str(tmp_path), KEY) == "there"
    image.unlink()
    assert recall(str(tmp_path), KEY) is None


def test_a_young_input_is_not_remembered(tmp_path: Path, source: Path) -> None:
    # Written within one tick of the clock: a second write might leave the same signature.
    assert not keep(tmp_path / "memo", source, now=source.stat().st_ctime_ns)
    assert recall(str(tmp_path / "memo"), KEY) is None


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"inputs": 3, "text": ""}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_damaged_entry_is_no_answer(tmp_path: Path, source: Path, damage: bytes) -> None:
    keep(tmp_path, source)
    (tmp_path / f"{KEY}.json").write_bytes(damage)
    assert recall(str(tmp_path), KEY) is None


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path, source: Path) -> None:
    (tmp_path / "memo").touch()
    assert not keep(tmp_path / "memo", source)


def test_what_is_asked_names_the_question() -> None:
    base = question_key("1", ["build", "//a:b"], {})
    assert question_key("1", ["build", "//a:b"], {"HOME": "/root"}) == base
    others = [
        question_key("2", ["build", "//a:b"], {}),
        question_key("1", ["build", "//a:c"], {}),
        question_key("1", ["build", "//a:b"], {"ENVBUILD_REGISTRY": "127.0.0.1:5000"}),
    ]
    assert len({base, *others}) == 4
