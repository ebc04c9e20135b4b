"""A file that a user names appears whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from envbuild.core.errors import EnvbuildError, StoreError
from envbuild.publish.file import write_whole
from tests.makers.processes import start_python

HANG = """
import sys
from pathlib import Path
from envbuild.publish.file import write_whole

def pieces():
    yield b"half"
    print("begun", flush=True)
    sys.stdin.read()
    yield b"whole"

write_whole(Path(sys.argv[1]), pieces())
"""
DRAFTS = ".out.envbuild-*"


def test_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "out", [b"one ", b"two"])
    assert read(tmp_path) == {"out": b"one two"}


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127])
def test_a_name_as_long_as_they_may_be(tmp_path: Path, name: str) -> None:
    for text in (b"one", b"two"):
        write_whole(tmp_path / name, [text])
        assert read(tmp_path) == {name: text}


def test_a_failure_on_the_way_leaves_what_was_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise EnvbuildError("broken off")

    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(EnvbuildError, match="broken off"):
        write_whole(tmp_path / "out", pieces())
    assert read(tmp_path) == {"out": b"old"}


@pytest.mark.parametrize("name", ["missing/out", "folder"])
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=f"cannot write `{tmp_path / name}`"):
        write_whole(tmp_path / name, [b"x"])
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_a_killed_writer_left_goes_with_the_next_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".out.swp").touch()  # an editor's
    (tmp_path / "out").write_bytes(b"old")
    killed = begin(tmp_path / "out")
    (left,) = tmp_path.glob(DRAFTS)
    going = begin(tmp_path / "out")
    (draft,) = {*tmp_path.glob(DRAFTS)} - {left}
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    write_whole(tmp_path / "out", [b"new"])
    assert not left.exists()
    # Who still writes is not disturbed, and ends last.
    assert draft.exists()
    going.communicate()
    assert going.returncode == 0
    assert read(tmp_path) == {".out.swp": b"", "out": b"halfwhole"}


def begin(path: Path) -> subprocess.Popen[str]:
    process = start_python(HANG, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_the_mode_is_that_of_what_was_there_or_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    (tmp_path / "tool").touch()
    (tmp_path / "tool").chmod(0o750)
    for name in ("tool", "new"):
        write_whole(tmp_path / name, [b"x"])
    assert (tmp_path / "tool").stat().st_mode & 0o7777 == 0o750
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("folder/out")
    (tmp_path / "folder").mkdir()
    for text in (b"one", b"two"):
        write_whole(tmp_path / "link", [text])
        assert (tmp_path / "link").is_symlink()
        assert read(tmp_path / "folder") == {"out": text}


# Root must not replace a device by a file.
def test_a_pipe_gets_the_bytes_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", [b"one ", b"two"])
    assert os.read(reader, 100) == b"one two"
    os.close(reader)
    assert [path.is_fifo() for path in tmp_path.iterdir()] == [True]


# As `-o /dev/stdout` is: the link leads to no place where a file could lie.
def test_a_link_to_an_open_pipe() -> None:
    reader, writer = os.pipe()
    write_whole(Path(f"/proc/self/fd/{writer}"), [b"one ", b"two"])
    assert os.read(reader, 100) == b"one two"
    os.close(reader)
    os.close(writer)


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
