"""Files and folders on their way in: held by their makers, and swept when these are gone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from envbuild.store.temporary import replace_file, sweep, temporary_folder
from tests.makers.processes import start_python

HANG = """
import sys
from pathlib import Path
from envbuild.store.temporary import create_file, temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(b"h")
    create_file(Path(sys.argv[1]), sys.argv[2])
    print("made", flush=True)
    sys.stdin.read()
"""


def test_what_is_being_made_stays_and_what_was_left_goes(tmp_path: Path) -> None:
    with start_python(HANG, tmp_path, "") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        assert sweep(tmp_path) == 0
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(signal.SIGKILL)
        process.communicate()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_with_all_that_is_left_in_it(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as folder:
        (folder / "some").mkdir()
        (folder / "some" / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_and_nobody_elses_is_touched(tmp_path: Path) -> None:
    (tmp_path / ".lock.json.swp").touch()  # an editor's
    (tmp_path / ".lock.json.envbuild-left").touch()  # of a killed writer
    (tmp_path / "lock.json").write_bytes(b"old")
    replace_file(tmp_path / "lock.json", b"new")
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {".lock.json.swp": b"", "lock.json": b"new"}


def test_a_file_that_cannot_be_placed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock.json").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "lock.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["lock.json"]


def test_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path / "missing") == 0
